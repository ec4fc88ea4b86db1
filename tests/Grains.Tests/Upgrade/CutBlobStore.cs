using System.Collections.Concurrent;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests.Upgrade;

/// <summary>A store that takes nothing more of a job once it was saved with a status: what a crash at that moment leaves.</summary>
internal sealed class CutBlobStore(IBlobStore inner) : IBlobStore
{
    private readonly ConcurrentDictionary<string, JobStatus> _ends = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _cut = new();

    /// <summary>Completes when the job's state lies there with that status.</summary>
    public Task CutAsync(string job, JobStatus status)
    {
        _ends[KeyOf(job)] = status;
        return Cut(KeyOf(job)).Task;
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        if (!_ends.TryGetValue(key, out var end)) return await inner.WriteAsync(key, content, condition, cancellation);
        if (Cut(key).Task.IsCompleted) throw new IOException("cut");
        using var copy = new MemoryStream();
        await content.CopyToAsync(copy, cancellation);
        var info = await inner.WriteBytesAsync(key, copy.ToArray(), condition, cancellation);
        if (GridJson.Parse<Stored<JobState>>(copy.ToArray()).Value!.Status == end) Cut(key).TrySetResult();
        return info;
    }

    public ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default) => inner.StatAsync(key, cancellation);

    public Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default) =>
        inner.OpenReadAsync(key, offset, length, cancellation);

    public Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default) => inner.DeleteAsync(key, ifMatch, cancellation);

    public IAsyncEnumerable<BlobInfo> ListAsync(string prefix, CancellationToken cancellation = default) => inner.ListAsync(prefix, cancellation);

    public Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default) => inner.OpenLocalAsync(key, cancellation);

    private TaskCompletionSource Cut(string key) => _cut.GetOrAdd(key, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private static string KeyOf(string job) => GrainStates.KeyOf("job", job);
}
