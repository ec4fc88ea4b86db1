using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace FineTuneGrid.EndToEnd;

/// <summary>SIGKILL while jobs are accepted: what was acknowledged is there afterwards, and one key stays one job.</summary>
public sealed class SubmitKillTests
{
    private const string Adapter = "team/sent";

    [Fact]
    public async Task Submit_HostKilledWhileManyAreAccepted_KeepsEachThatWasAcknowledged()
    {
        await using var grid = await StartAsync();
        var acknowledged = new ConcurrentBag<string>();
        var random = new Random(7);
        for (var kill = 0; kill < 3; kill++)
        {
            var enough = acknowledged.Count + random.Next(20, 60);
            var senders = Enumerable.Range(0, 8).Select(_ => SendUntilCutAsync(grid, acknowledged)).ToList();
            await UntilAsync(() => acknowledged.Count >= enough, $"{enough} accepted jobs", grid);
            await grid.KillAsync(Part.Host);
            await Task.WhenAll(senders);
            await grid.HostEndedAsync();
            await grid.LaunchAsync();
            Assert.Empty(acknowledged.Except(await ListedAsync(grid)));
        }
    }

    [Fact]
    public async Task Submit_SameKeyOverSixteenConnectionsWhileTheHostIsKilled_IsOneJob()
    {
        const int Times = 1000;
        await using var grid = await StartAsync();
        var (answered, back) = (new ConcurrentBag<string>(), new TaskCompletionSource());
        var senders = Enumerable.Range(0, 16).Select(_ => SendAgainAndAgainAsync(grid, answered, Times, back.Task)).ToList();
        await UntilAsync(() => answered.Count >= Times / 8, "an eighth of the answers", grid);
        await grid.KillAsync(Part.Host);
        await grid.HostEndedAsync();
        await grid.LaunchAsync();
        back.SetResult();
        await Eventually.Within(Task.WhenAll(senders.Select(async s => { await s; return true; })), "all answers", () => grid.Log);

        Assert.Equal(Assert.Single(answered.Distinct()), Assert.Single(await ListedAsync(grid)));
    }

    private static async Task<GridProcess> StartAsync()
    {
        var grid = await GridProcess.StartAsync(["--roles", "silo,gateway"]);
        await TinyData.AddToAsync(grid);
        return grid;
    }

    private static async Task SendUntilCutAsync(GridProcess grid, ConcurrentBag<string> acknowledged)
    {
        while (await TrySendAsync(grid, key: null) is { } id) acknowledged.Add(id);
    }

    private static async Task SendAgainAndAgainAsync(GridProcess grid, ConcurrentBag<string> answered, int times, Task back)
    {
        while (answered.Count < times)
        {
            if (await TrySendAsync(grid, "the-same-key") is { } id) answered.Add(id);
            else await back;
        }
    }

    /// <summary>The job's id; null where the host was gone before it answered.</summary>
    private static async Task<string?> TrySendAsync(GridProcess grid, string? key)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/jobs")
            {
                Content = new StringContent(TinyData.Job(Adapter).ToJsonString(), Encoding.UTF8, "application/json"),
            };
            if (key is not null) request.Headers.Add("Idempotency-Key", key);
            using var response = await grid.Http.SendAsync(request);
            var answer = new Answer(response.StatusCode, await response.Content.ReadAsStringAsync());
            Assert.Equal(HttpStatusCode.Created, answer.Status);
            return answer["id"]!;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            return null;
        }
    }

    private static async Task<HashSet<string>> ListedAsync(GridProcess grid)
    {
        var ids = new HashSet<string>();
        for (var next = ""; next is not null;)
        {
            var page = (await grid.GetAsync($"/api/v1/jobs?limit=100{(next.Length == 0 ? "" : $"&after={next}")}")).Ok().Json;
            foreach (var job in page.GetProperty("data").EnumerateArray()) ids.Add(job.GetProperty("id").GetString()!);
            next = page.GetProperty("next").GetString();
        }
        return ids;
    }

    private static Task UntilAsync(Func<bool> reached, string what, GridProcess grid) =>
        Eventually.Seen(() => reached() ? what : null, what, () => grid.Log);
}
