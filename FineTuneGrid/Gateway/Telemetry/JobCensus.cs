using System.Collections.Concurrent;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.Telemetry;

/// <summary>
/// What the jobs come to, all together. A job at its end is asked once; a later census asks only those that were alive and those
/// that are new. Censuses are shared and at least <see cref="MinimumAge"/> apart, since anybody may ask for one.
/// </summary>
public sealed class JobCensus(IGrainFactory grains, TimeProvider time)
{
    private const int PageSize = 1000;
    private const int AskedAtOnce = 16;
    private static readonly TimeSpan MinimumAge = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, JobFigures> _known = new();
    private Task<GridCensus>? _running;
    private DateTimeOffset _started;

    public Task<GridCensus> CountAsync()
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (_running is { IsCompleted: false } || (_running is { IsCompletedSuccessfully: true } && now - _started < MinimumAge)) return _running;
            _started = now;
            return _running = TakeAsync();
        }
    }

    /// <summary>The job was deleted.</summary>
    public void Forget(string job) => _known.TryRemove(job, out _);

    /// <summary>One at a time, so nothing else touches what is known.</summary>
    private async Task<GridCensus> TakeAsync()
    {
        await Task.Yield();
        var open = _known.Where(j => !j.Value.Status.IsTerminal()).Select(j => j.Key).ToHashSet();
        var pool = grains.GetGrain<IPoolGrain>(PoolKeys.Default);
        string? after = null;
        do
        {
            var page = await pool.Jobs(null, after, PageSize);
            var fresh = page.JobIds.Where(id => !_known.ContainsKey(id)).ToList();
            open.UnionWith(fresh);
            // Newest first: behind a page without anything new there is nothing new.
            after = fresh.Count == 0 ? null : page.Next;
        }
        while (after is not null);
        foreach (var batch in open.Chunk(AskedAtOnce))
        {
            var views = await Task.WhenAll(batch.Select(id => grains.GetGrain<IJobGrain>(id).Get()));
            for (var i = 0; i < batch.Length; i++)
            {
                if (views[i] is { } job) _known[batch[i]] = JobFigures.Of(job, _known.GetValueOrDefault(batch[i]));
            }
        }
        return GridCensus.Of([.. _known.Values]);
    }
}
