using System.Collections.Concurrent;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Planning;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests.Support;

/// <summary>Answers as the inspector process would for good files; a file whose text begins with "bad" is refused.</summary>
internal sealed class FakeInspector(IBlobStore blobs) : IInspector
{
    public ConcurrentQueue<InspectorRequest> Requests { get; } = new();

    public async Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken cancellation)
    {
        Requests.Enqueue(request);
        if (request.InspectModel is { } model)
            return await IsBadAsync(model.Files) is { } fault
                ? new(fault)
                : new(Model: new ModelManifest(model.ModelId, $"digest-{model.ModelId}", "llama", 1000, "F32", 512, 256, "t", "c", "mit",
                    [new("model.layers.0.self_attn.q_proj", 64, 64), new("model.layers.0.mlp.down_proj", 128, 64)], model.Files));
        if (request.InspectDataset is { } data)
            return await IsBadAsync(data.Files) is { } fault
                ? new(fault)
                : new(Dataset: new DatasetManifest(data.DatasetId, $"digest-{data.DatasetId}", "chat", 100, ["messages"], [new("rows.parquet", 0, 0, 100)], data.Files));
        if (request.TokenizeDataset is { } tokens)
        {
            var key = $"datasets/{tokens.Dataset.Id}/tokens/{tokens.SequenceLength}/index.json";
            var index = new TokenIndex(key, $"tokens-{tokens.Dataset.Id}", "chat", tokens.SequenceLength, 100, 5000, 2000, 80, []);
            await blobs.WriteJsonAsync(key, index, options: GridJson.Options, cancellation: cancellation);
            return new(Tokens: index);
        }
        var files = request.InspectAdapter!.Files;
        return new(Adapter: new AdapterInspection(16, 32, false, "base", ["q_proj"], 100, files));
    }

    private async Task<GridError?> IsBadAsync(IReadOnlyList<SourceFile> files)
    {
        foreach (var file in files)
            if (await blobs.ReadAllBytesAsync(file.Key) is var (_, bytes) && Encoding.UTF8.GetString(bytes).StartsWith("bad", StringComparison.Ordinal))
                return new GridError(ErrorCodes.InvalidModel, $"{file.Path} is bad.");
        return null;
    }
}

/// <summary>A head with an epoch per job, and one result per manifest key.</summary>
internal sealed class FakeCheckpoints(IBlobStore blobs) : IJobCheckpoints
{
    public ConcurrentDictionary<string, int> Epochs { get; } = new();

    public Task FenceAsync(string jobId, int epoch)
    {
        Epochs.AddOrUpdate(jobId, epoch, (_, had) => Math.Max(had, epoch));
        return Task.CompletedTask;
    }

    /// <summary>Steps that a job keeps, oldest first.</summary>
    public ConcurrentDictionary<string, int[]> Steps { get; } = new();

    public Task<IReadOnlyList<CheckpointReference>> KeptAsync(string jobId, int keep) =>
        Task.FromResult<IReadOnlyList<CheckpointReference>>([.. Steps.GetValueOrDefault(jobId, []).Reverse().Take(keep).Select(s => new CheckpointReference($"m{s}", 1, s))]);

    public async Task<IReadOnlyList<SourceFile>> ResultFilesAsync(string jobId, string manifestKey)
    {
        var files = new List<SourceFile>();
        foreach (var (path, text) in new[] { ("adapter_config.json", """{"r":16,"lora_alpha":32}"""), ("adapter_model.safetensors", "weights of " + jobId) })
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var key = $"jobs/{jobId}/checkpoints/{path}";
            await blobs.WriteBytesAsync(key, bytes);
            files.Add(new SourceFile(path, key, bytes.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes))));
        }
        return files;
    }
}

internal sealed class FakePlanner : IJobPlanner
{
    /// <summary>How many planning processes are yet to die.</summary>
    public int Crashes { get; set; }

    public Task<PlanReply> PlanAsync(TrainingOrder order, NodeAvailability node, NodeSlot slot) => Crashes-- > 0
        ? throw new GridException(ErrorCodes.TrainerCrashed, "The task's process ended with code 134: ")
        : Task.FromResult(new PlanReply(TotalSteps: 10, TrainableParameters: 100, MemoryBytes: 1 << 20, MicroBatchTokens: 512, EstimatedSeconds: 5));
}
