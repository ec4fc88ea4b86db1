using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>One job's events, read as they come, whatever is down meanwhile.</summary>
internal sealed class JobWatch(ChaosClient client, string job)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly List<JobNews> _seen = [];

    public IReadOnlyList<JobNews> Seen => _seen;

    /// <summary>Where the job runs, or ran last; null before it was placed.</summary>
    public string? Node => _seen.LastOrDefault(e => e.Text("node") is not null)?.Text("node");

    /// <summary>The highest attempt that has told of a step.</summary>
    public int Attempt => _seen.Select(AttemptOf).DefaultIfEmpty(0).Max();

    /// <summary>Of the steps that an event tells of; 0 for others.</summary>
    public static int AttemptOf(JobNews news) => news.Type == "metrics" ? news.Data.GetProperty("steps").EnumerateArray().Max(s => s.GetProperty("attempt").GetInt32()) : 0;

    /// <summary>The first event that fits, of those seen already and those to come.</summary>
    /// <exception cref="TimeoutException">It did not come; says what was awaited.</exception>
    public async Task<JobNews> UntilAsync(Func<JobNews, bool> fits, string awaited)
    {
        using var late = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(Look);
        for (var checkedUpTo = 0; ;)
        {
            for (; checkedUpTo < _seen.Count; checkedUpTo++)
                if (fits(_seen[checkedUpTo])) return _seen[checkedUpTo];
            if (await ReadAsync()) continue;
            try
            {
                await timer.WaitForNextTickAsync(late.Token);
            }
            catch (OperationCanceledException e)
            {
                throw new TimeoutException($"waited {Limit.TotalMinutes} min for {awaited} of {job}. {Story()}", e);
            }
        }
    }

    /// <summary>Takes what is new; whether there was anything.</summary>
    public async Task<bool> ReadAsync()
    {
        var page = await client.GetAsync($"/api/v1/jobs/{job}/events?limit=1000&after={_seen.Count}");
        var news = page.GetProperty("data").EnumerateArray().Select(JobNews.Of).ToList();
        _seen.AddRange(news);
        return news.Count > 0;
    }

    public string Story() => "Its events:\n" + string.Join('\n', _seen.TakeLast(30).Select(e => $"{e.Time:HH:mm:ss.fff} {e.Seq} {e.Type}: {e.Message}"));
}
