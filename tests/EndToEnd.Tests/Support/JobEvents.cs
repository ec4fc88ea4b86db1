using System.Text.Json;

namespace FineTuneGrid.EndToEnd;

/// <summary>One event of a job's stream.</summary>
internal sealed record JobNews(long Seq, DateTimeOffset Time, string Type, string Message, JsonElement Data)
{
    public string? Status => Type == "state" ? Text("status") : null;

    /// <summary>The newest step that a metrics or checkpoint event tells of.</summary>
    public int? Step => Type switch
    {
        "checkpoint" => Data.GetProperty("step").GetInt32(),
        "metrics" => Data.GetProperty("steps").EnumerateArray().Max(s => s.GetProperty("step").GetInt32()),
        _ => null,
    };

    public static JobNews Of(JsonElement root) => new(
        root.GetProperty("seq").GetInt64(), root.GetProperty("time").GetDateTimeOffset(), root.GetProperty("type").GetString()!, root.GetProperty("message").GetString()!,
        root.TryGetProperty("data", out var data) ? data : default);

    public string? Text(string property) => Data.ValueKind == JsonValueKind.Object && Data.TryGetProperty(property, out var value) ? value.ToString() : null;
}

/// <summary>A job's server-sent events, read to the end across restarts of the host, and checked to be numbered without holes.</summary>
internal sealed class JobEvents(GridProcess grid, string job)
{
    private static readonly string[] Terminal = ["succeeded", "failed", "cancelled"];
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(100);

    private readonly List<JobNews> _seen = [];

    public string Job => job;

    public IReadOnlyList<JobNews> Seen => _seen;

    /// <summary>Reads on until an event fits. Fails where the job ends first, and names what was awaited.</summary>
    public async Task<JobNews> UntilAsync(Func<JobNews, bool> fits, string awaited)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        using var retry = new PeriodicTimer(Retry);
        try
        {
            while (true)
            {
                if (await ReadAsync(fits, limit.Token) is { } found) return found;
                if (_seen.Count > 0 && Terminal.Contains(_seen[^1].Status)) throw new InvalidOperationException($"job {job} ended before {awaited}. {Story()}");
                await retry.WaitForNextTickAsync(limit.Token);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"waited {Eventually.Limit.TotalSeconds} s for {awaited} of job {job}. {Story()}", e);
        }
    }

    public Task<JobNews> StepAsync(int step) => UntilAsync(e => e.Step >= step, $"step {step}");

    public async Task SucceededAsync()
    {
        // It may have been read with what was awaited before.
        var end = _seen.LastOrDefault(e => Terminal.Contains(e.Status)) ?? await UntilAsync(e => Terminal.Contains(e.Status), "the end");
        Assert.True(end.Status == "succeeded", $"the job ended as {end.Status}: {end.Message} {Story()}");
    }

    public string Story() => "Its events:\n" + string.Join('\n', _seen.TakeLast(30).Select(e => $"{e.Seq} {e.Type}: {e.Message}")) + "\n" + grid.Log;

    /// <summary>One connection. Null where it ended without the event: the host was killed, or the job is over.</summary>
    private async Task<JobNews?> ReadAsync(Func<JobNews, bool> fits, CancellationToken ct)
    {
        try
        {
            await using var stream = await grid.Http.GetStreamAsync($"/api/v1/jobs/{job}/events/stream?after={_seen.Count}", ct);
            using var reader = new StreamReader(stream);
            while (await reader.ReadLineAsync(ct) is { } line)
            {
                if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
                var news = JobNews.Of(JsonDocument.Parse(line["data: ".Length..]).RootElement);
                Assert.Equal(_seen.Count + 1, news.Seq);
                _seen.Add(news);
                if (fits(news)) return news;
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            // The host is gone or not there yet: the caller comes again, after the last event it has.
        }
        return null;
    }
}
