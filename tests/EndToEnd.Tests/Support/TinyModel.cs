using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>A random Llama of about 100,000 parameters with the sample tokenizer: a folder as Hugging Face publishes it. The same bytes every time.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 640;
    public const int Context = 256;
    private const int Hidden = 64;
    private const int Inner = 160;
    private const int Layers = 2;
    private const int KeyValue = 32;

    public static (string Path, byte[] Bytes)[] Files { get; } =
    [
        ("config.json", Encoding.UTF8.GetBytes(Config)),
        ("model.safetensors", Weights()),
        ("tokenizer.json", Tokenizer("tokenizer.json")),
        ("tokenizer_config.json", Tokenizer("tokenizer_config.json")),
    ];

    private const string Config = """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 640, "hidden_size": 64, "intermediate_size": 160,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "float32"}
        """;

    public static void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (path, bytes) in Files) File.WriteAllBytes(Path.Combine(folder, path), bytes);
    }

    private static byte[] Tokenizer(string file) => File.ReadAllBytes(Path.Combine(Programs.Repository, "datasets", "samples", "tiny-tokenizer", file));

    private static IEnumerable<(string Name, int[] Shape)> Shapes()
    {
        yield return ("lm_head.weight", [Vocabulary, Hidden]);
        yield return ("model.embed_tokens.weight", [Vocabulary, Hidden]);
        yield return ("model.norm.weight", [Hidden]);
        for (var i = 0; i < Layers; i++)
        {
            yield return ($"model.layers.{i}.input_layernorm.weight", [Hidden]);
            yield return ($"model.layers.{i}.post_attention_layernorm.weight", [Hidden]);
            yield return ($"model.layers.{i}.self_attn.q_proj.weight", [Hidden, Hidden]);
            yield return ($"model.layers.{i}.self_attn.k_proj.weight", [KeyValue, Hidden]);
            yield return ($"model.layers.{i}.self_attn.v_proj.weight", [KeyValue, Hidden]);
            yield return ($"model.layers.{i}.self_attn.o_proj.weight", [Hidden, Hidden]);
            yield return ($"model.layers.{i}.mlp.gate_proj.weight", [Inner, Hidden]);
            yield return ($"model.layers.{i}.mlp.up_proj.weight", [Inner, Hidden]);
            yield return ($"model.layers.{i}.mlp.down_proj.weight", [Hidden, Inner]);
        }
    }

    private static byte[] Weights()
    {
        var (random, header, data) = (new Random(20240607), new JsonObject(), new MemoryStream());
        foreach (var (name, shape) in Shapes())
        {
            var start = data.Length;
            var norm = shape.Length == 1;
            for (var i = shape.Aggregate(1, (a, b) => a * b); i > 0; i--)
            {
                var bytes = new byte[4];
                BinaryPrimitives.WriteSingleLittleEndian(bytes, (norm ? 1 : 0) + (float)(random.NextDouble() - 0.5) * 0.3f);
                data.Write(bytes);
            }
            header[name] = new JsonObject
            {
                ["dtype"] = "F32", ["shape"] = new JsonArray([.. shape.Select(d => (JsonNode)d)]), ["data_offsets"] = new JsonArray(start, data.Length),
            };
        }
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data.ToArray()];
    }
}
