namespace FineTuneGrid.Bench.Control;

/// <summary>Open event streams that are read and where nothing comes but the sign that they live.</summary>
internal sealed class Watchers : IAsyncDisposable
{
    private const int OpenedAtOnce = 50;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _streams = [];
    private int _lost;

    /// <summary>Streams that ended although their job did not.</summary>
    public int Lost => Volatile.Read(ref _lost);

    /// <summary>Returns when all streams have begun.</summary>
    public static async Task<Watchers> OpenAsync(HttpClient client, IReadOnlyList<string> jobs, int count)
    {
        var watchers = new Watchers();
        foreach (var batch in Enumerable.Range(0, count).Chunk(OpenedAtOnce))
        {
            var streams = await Task.WhenAll(batch.Select(i => client.GetStreamAsync($"/api/v1/jobs/{jobs[i % jobs.Count]}/events/stream")));
            watchers._streams.AddRange(streams.Select(watchers.DrainAsync));
        }
        return watchers;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_streams);
        _stop.Dispose();
    }

    private async Task DrainAsync(Stream stream)
    {
        await using (stream)
        {
            try
            {
                await stream.CopyToAsync(Stream.Null, _stop.Token);
                Interlocked.Increment(ref _lost);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The bench is over.
            }
            catch (IOException)
            {
                Interlocked.Increment(ref _lost);
            }
        }
    }
}
