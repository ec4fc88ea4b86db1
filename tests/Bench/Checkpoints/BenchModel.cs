using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Bench.Checkpoints;

/// <summary>A base model, how a job on it is cut, and how much of it three minutes on two cores allow.</summary>
/// <param name="Threads">What the plan of such a job says.</param>
/// <param name="StepsBeside">Of a turn, after its checkpoint: as long as a commit takes, or longer.</param>
/// <param name="Rounds">Of ten steps for each run.</param>
internal sealed record BenchModel(string Name, ModelManifest Manifest, int BatchTokens, int Threads, int StepsBeside, int Rounds)
{
    public const string Tiny = "tiny";
    public const string Small = "135m";

    /// <summary>Llama, hidden 576, 30 layers, 9 heads over 3, tied embeddings of 49,152 tokens: 134.5 million parameters.</summary>
    private const string SmallConfig = """
        {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
         "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 100000.0,
         "hidden_act": "silu", "initializer_range": 0.02, "tie_word_embeddings": true, "torch_dtype": "float32"}
        """;

    /// <summary>The model's files in the store.</summary>
    public static async Task<BenchModel> AddAsync(string name, IBlobStore store) => name == Tiny
        ? new BenchModel(name, await AddTinyAsync(store), BatchTokens: 512, Threads: 1, StepsBeside: 5, Rounds: 20)
        : new BenchModel(name, await AddSmallAsync(store), BatchTokens: 256, Threads: Math.Min(2, Environment.ProcessorCount), StepsBeside: 1, Rounds: 3);

    private static async Task<ModelManifest> AddTinyAsync(IBlobStore store)
    {
        var files = new List<SourceFile>();
        foreach (var path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "tiny")).Order(StringComparer.Ordinal))
            files.Add(await PutAsync(store, $"models/tiny-sample/{Path.GetFileName(path)}", new MemoryStream(await File.ReadAllBytesAsync(path))));
        return Of(Tiny, 640, files);
    }

    private static async Task<ModelManifest> AddSmallAsync(IBlobStore store)
    {
        var architecture = ModelFamilies.Create(ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes(SmallConfig)));
        var seed = 1UL;
        await using var weights = SafetensorsWriter.CreateStream(architecture.Parameters.Select(p =>
            new SafetensorsEntry(p.Name, SafetensorsDtype.F32, p.Shape, () => p.Init == ParameterInit.Ones ? Ones(p.Count) : Noise(p.Count, ref seed))));
        return Of(Small, 49152,
        [
            await PutAsync(store, "models/small/config.json", new MemoryStream(System.Text.Encoding.UTF8.GetBytes(SmallConfig))),
            await PutAsync(store, "models/small/model.safetensors", weights),
        ]);
    }

    private static ModelManifest Of(string id, int vocabulary, IReadOnlyList<SourceFile> files) =>
        new(id, id, "llama", 0, "F32", 256, vocabulary, null, null, null, [], files);

    private static async Task<SourceFile> PutAsync(IBlobStore store, string key, Stream content)
    {
        var length = content.Length;
        await store.WriteAsync(key, content);
        return new SourceFile(Path.GetFileName(key), key, length, "");
    }

    private static ReadOnlyMemory<byte> Ones(long count)
    {
        var values = new float[count];
        Array.Fill(values, 1f);
        return MemoryMarshal.AsBytes<float>(values).ToArray();
    }

    /// <summary>Uniform values of deviation 0.02 (xorshift64, Marsaglia 2003): how long a step takes does not depend on them.</summary>
    private static ReadOnlyMemory<byte> Noise(long count, ref ulong state)
    {
        var values = new float[count];
        for (var i = 0L; i < count; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            values[i] = ((state >> 40) / (float)(1 << 24) - 0.5f) * 0.0693f;
        }
        return MemoryMarshal.AsBytes<float>(values).ToArray();
    }
}
