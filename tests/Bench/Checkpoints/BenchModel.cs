using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using FineTuneGrid.TrainerSupport;

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
    public const string SmallConfig = """
        {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
         "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 100000.0,
         "hidden_act": "silu", "initializer_range": 0.02, "tie_word_embeddings": true, "torch_dtype": "float32"}
        """;

    /// <summary>The model's files in the store.</summary>
    public static async Task<BenchModel> AddAsync(string name, IBlobStore store) => name == Tiny
        ? new BenchModel(name, await AddTinyAsync(store), BatchTokens: 512, Threads: 1, StepsBeside: 5, Rounds: 20)
        : new BenchModel(name, await RandomModel.AddAsync(store, Small, SmallConfig), BatchTokens: 256, Threads: Math.Min(2, Environment.ProcessorCount), StepsBeside: 1, Rounds: 3);

    private static async Task<ModelManifest> AddTinyAsync(IBlobStore store)
    {
        var files = new List<SourceFile>();
        foreach (var path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "tiny")).Order(StringComparer.Ordinal))
            files.Add(await RandomModel.PutAsync(store, $"models/tiny-sample/{Path.GetFileName(path)}", new MemoryStream(await File.ReadAllBytesAsync(path))));
        return new ModelManifest(Tiny, Tiny, "llama", 0, "F32", 256, 640, null, null, null, [], files);
    }
}
