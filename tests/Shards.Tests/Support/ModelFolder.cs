using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards.Tests.Support;

/// <summary>A whole Llama folder of one small layer, to be spoilt.</summary>
internal sealed class ModelFolder(DataFolder data)
{
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    public JsonObject Config { get; } = JsonNode.Parse("""
        {"model_type":"llama","vocab_size":1000,"hidden_size":8,"intermediate_size":16,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":128,"tie_word_embeddings":false}
        """)!.AsObject();

    public Dictionary<string, (SafetensorsDtype Dtype, long[] Shape)> Tensors { get; } = new(StringComparer.Ordinal)
    {
        ["model.embed_tokens.weight"] = F32(1000, 8),
        ["model.layers.0.input_layernorm.weight"] = F32(8),
        ["model.layers.0.self_attn.q_proj.weight"] = F32(8, 8),
        ["model.layers.0.self_attn.k_proj.weight"] = F32(8, 8),
        ["model.layers.0.self_attn.v_proj.weight"] = F32(8, 8),
        ["model.layers.0.self_attn.o_proj.weight"] = F32(8, 8),
        ["model.layers.0.post_attention_layernorm.weight"] = F32(8),
        ["model.layers.0.mlp.gate_proj.weight"] = F32(16, 8),
        ["model.layers.0.mlp.up_proj.weight"] = F32(16, 8),
        ["model.layers.0.mlp.down_proj.weight"] = F32(8, 16),
        ["model.norm.weight"] = F32(8),
        ["lm_head.weight"] = F32(1000, 8),
    };

    /// <summary>Files beside config, weights and tokenizer, or instead of them.</summary>
    public IDictionary<string, byte[]> Files => _files;

    public static (SafetensorsDtype, long[]) F32(params long[] shape) => (SafetensorsDtype.F32, shape);

    public static async Task<byte[]> WriteAsync(IEnumerable<KeyValuePair<string, (SafetensorsDtype Dtype, long[] Shape)>> tensors)
    {
        using var stream = new MemoryStream();
        await SafetensorsWriter.WriteAsync(stream, tensors.Select(t =>
            new SafetensorsEntry(t.Key, t.Value.Dtype, t.Value.Shape, new byte[t.Value.Dtype.SizeOf() * t.Value.Shape.Aggregate(1L, (a, b) => a * b)])));
        return stream.ToArray();
    }

    /// <param name="without">Files to leave out.</param>
    public async Task<List<SourceFile>> SaveAsync(params string[] without)
    {
        var usual = new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["config.json"] = System.Text.Encoding.UTF8.GetBytes(Config.ToJsonString()),
            ["model.safetensors"] = await WriteAsync(Tensors),
            ["tokenizer.json"] = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Fixtures", "tokenizer.json")),
            ["tokenizer_config.json"] = """{"eos_token":"<|im_end|>"}"""u8.ToArray(),
        };
        foreach (var (name, bytes) in _files)
            usual[name] = bytes;
        List<SourceFile> saved = [];
        foreach (var (name, bytes) in usual.Where(f => !without.Contains(f.Key)))
            saved.Add(await data.AddAsync(name, bytes));
        return saved;
    }
}
