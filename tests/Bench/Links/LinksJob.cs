using System.Text.Json.Nodes;
using FineTuneGrid.Bench.Checkpoints;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Bench.Links;

/// <summary>What is trained.</summary>
/// <param name="Base">Null: a model from random weights, all of it.</param>
/// <param name="Method">Of the spec, with what goes with it.</param>
internal sealed record LinksJob(string Name, ModelManifest? Base, TokenIndex Train, TokenIndex HeldOut, Action<JsonObject> Method)
{
    /// <summary>An adapter of the sample base model, on the sample data: learned quickly, to a held-out loss of almost nothing.</summary>
    public const string Tiny = "tiny";

    /// <summary>A model from random weights, on sequences that cannot be foretold wholly: its loss stays far from nothing.</summary>
    public const string Random = "random";

    private const int RandomExamples = 40_000;
    private const int RandomHeldOut = 400;

    public static async Task<LinksJob> AddAsync(string name, TestStore store)
    {
        if (name == Random) return new LinksJob(name, null, store.AddTokens("links", RandomExamples, seed: 3), store.AddTokens("links-held-out", RandomHeldOut, seed: 4), FromRandomWeights);
        var model = (await BenchModel.AddAsync(BenchModel.Tiny, store.Blobs)).Manifest;
        return new LinksJob(name, model, await SampleAsync(store.Blobs, model, "train"), await SampleAsync(store.Blobs, model, "validation"), AnAdapter);
    }

    public TrainingOrder With(TrainingOrder order) => order with { Model = Base ?? order.Model, Validation = HeldOut, Resolved = order.Resolved with { Mode = "fast" } };

    private static void AnAdapter(JsonObject spec)
    {
        spec["method"] = new JsonObject { ["rank"] = 16, ["alpha"] = 32 };
        spec["optimizer"]!["learning_rate"] = 0.003;
    }

    private static void FromRandomWeights(JsonObject spec)
    {
        spec["base_model"] = JsonNode.Parse("""
            {"init": {"model_type": "llama", "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
                      "num_key_value_heads": 2, "vocab_size": 320, "max_position_embeddings": 96, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                      "tie_word_embeddings": true}, "tokenizer": "tiny"}
            """);
        spec["method"] = new JsonObject { ["type"] = "full" };
        spec["optimizer"]!["learning_rate"] = 0.001;
    }

    private static async Task<TokenIndex> SampleAsync(IBlobStore store, ModelManifest model, string name)
    {
        var (path, key) = ($"{name}.parquet", $"datasets/sample-{name}/source/{name}.parquet");
        using var content = new MemoryStream(await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "samples", path)));
        var length = content.Length;
        await store.WriteAsync(key, content);
        var dataset = await DatasetInspection.RunAsync(store, new InspectDatasetRequest($"sample-{name}", [new SourceFile(path, key, length, "")]));
        return await DatasetTokenizer.RunAsync(store, new TokenizeDatasetRequest(dataset, model, "auto", SequenceLength: 128));
    }
}
