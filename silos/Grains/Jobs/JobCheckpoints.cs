using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>The control plane's use of the checkpoint store.</summary>
public sealed class JobCheckpoints(IBlobStore blobs, TimeProvider time) : IJobCheckpoints
{
    /// <summary>What of a finished checkpoint is the result; the rest is the trainer's own state.</summary>
    private static readonly HashSet<string> Published =
    [
        "adapter_model.safetensors", "adapter_config.json", ClassNames.FileName, "model.safetensors", "config.json", "generation_config.json",
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "chat_template.json",
    ];

    public async Task FenceAsync(string jobId, int epoch)
    {
        try
        {
            await new CheckpointStore(blobs, jobId, time).FenceAsync(epoch, $"{jobId}-epoch-{epoch}");
        }
        catch (GridException e) when (e.Code == ErrorCodes.Fenced)
        {
            // A higher epoch is there already: older trainers are shut out all the more.
        }
    }

    public async Task<IReadOnlyList<CheckpointReference>> KeptAsync(string jobId, int keep) =>
        [.. (await new CheckpointStore(blobs, jobId, time).ReadHeadAsync())?.Head.Recent.Take(keep) ?? []];

    public async Task<IReadOnlyList<SourceFile>> ResultFilesAsync(string jobId, string manifestKey)
    {
        var store = new CheckpointStore(blobs, jobId, time);
        var restored = await store.RestoreAsync();
        if (restored is null || restored.Key != manifestKey || !restored.Manifest.Finished)
            throw new GridException(ErrorCodes.CorruptCheckpoint, $"The finished checkpoint of {jobId} ({manifestKey}) is not intact; submit the job again.");
        var files = new List<SourceFile>();
        foreach (var part in restored.Manifest.Parts.Where(p => Published.Contains(p.Name)))
            files.Add(new SourceFile(part.Name, store.PartKey(part), part.Length, part.Sha256));
        return files;
    }
}
