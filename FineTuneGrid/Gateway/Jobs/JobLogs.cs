using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Jobs;

/// <summary>A worker's output, which its node keeps as segments (<see cref="JobLogKeys"/>).</summary>
public sealed class JobLogs(IBlobStore store, JobAccess access, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    public async Task CopyAsync(string jobId, int worker, Stream output, bool follow, CancellationToken ct)
    {
        string? last = null;
        while (true)
        {
            // Whether the job was over is asked before reading: segments written up to its end are then all seen.
            var over = !follow || await access.Grain(jobId).Get() is not { } job || job.Status.IsTerminal();
            await foreach (var segment in store.ListAsync(JobLogKeys.Folder(jobId, worker), ct))
            {
                if (last is not null && string.CompareOrdinal(segment.Key, last) <= 0) continue;
                await using var content = await store.OpenReadAsync(segment.Key, cancellation: ct);
                if (content is null) continue;
                await content.Stream.CopyToAsync(output, ct);
                last = segment.Key;
            }
            await output.FlushAsync(ct);
            if (over) return;
            await Task.Delay(Poll, time, ct);
        }
    }
}
