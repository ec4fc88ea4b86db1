using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Cluster;

/// <summary>Clients that repeat themselves at every gateway while one of the silos is killed.</summary>
[Collection(TwoSilos.Name)]
public sealed class IdempotencyTests(TwoSilos cluster)
{
    private const int Requests = 1000;
    private const int Connections = 16;
    private const int KillAfter = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    [Fact]
    public async Task SameKey_AThousandTimesOverSixteenConnectionsDuringASiloKill_IsOneJob()
    {
        const string adapter = "team/idempotent";
        var body = TinyData.Job(adapter, job => job["optimizer"]!["max_steps"] = 20).ToJsonString();
        var (left, done) = (Requests, 0);
        var ids = new ConcurrentBag<string>();
        var strike = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (a, b) = (cluster.A.Address, cluster.B.Address);
        var key = cluster.A.Http.DefaultRequestHeaders.Authorization!;
        var killed = strike.Task.ContinueWith(_ => TwoSilos.KillAsync(cluster.A), TaskScheduler.Default).Unwrap();

        await Task.WhenAll(Enumerable.Range(0, Connections).Select(async connection =>
        {
            using var http = NewClient(key);
            for (var turn = connection; Interlocked.Decrement(ref left) >= 0; turn++)
            {
                ids.Add(await UntilAnsweredAsync(http, turn % 2 == 0 ? [a, b] : [b, a], body));
                if (Interlocked.Increment(ref done) == KillAfter) strike.SetResult();
            }
        }));
        await killed;

        Assert.Equal(Requests, ids.Count);
        var job = Assert.Single(ids.Distinct());
        await new JobEvents(cluster.B, job).SucceededAsync();
        await cluster.B.OnlyVersionAsync(adapter);
        var jobs = (await cluster.B.GetAsync("/api/v1/jobs?limit=1000")).Ok().Json.GetProperty("data").EnumerateArray();
        Assert.Single(jobs, j => j.GetProperty("adapter").GetString() == adapter);
        await cluster.A.LaunchAsync();
    }

    /// <summary>One request of a careful client: at the next gateway again until one has given a final answer.</summary>
    private static async Task<string> UntilAnsweredAsync(HttpClient http, string[] gateways, string body)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        for (var attempt = 0; ; attempt++)
        {
            if (await TryAsync(http, gateways[attempt % gateways.Length], body) is { } id) return id;
            await Task.Delay(Pause, limit.Token);
        }
    }

    private static async Task<string?> TryAsync(HttpClient http, string gateway, string body)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, gateway + "/api/v1/jobs") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.Add("Idempotency-Key", "one-and-the-same");
            using var answer = await http.SendAsync(request);
            if (answer.StatusCode is HttpStatusCode.ServiceUnavailable) return null;
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.IsSuccessStatusCode, $"HTTP {(int)answer.StatusCode}: {text}");
            return JsonDocument.Parse(text).RootElement.GetProperty("id").GetString();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return null; // Killed, or it waits for what was killed.
        }
    }

    private static HttpClient NewClient(AuthenticationHeaderValue key)
    {
        var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { Timeout = Patience };
        http.DefaultRequestHeaders.Authorization = key;
        return http;
    }
}
