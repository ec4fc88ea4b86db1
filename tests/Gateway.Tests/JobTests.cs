using System.Net;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Jobs over HTTP: submitted, looked at, steered. No node is there, so they wait in validation.</summary>
[Collection(GatewayCollection.Name)]
public sealed class JobTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private const string Asset = "jobs";

    private static string Spec(string adapter = "acme/tuned", string? name = null) => Samples.Job(Asset, Asset, adapter, name);

    public async Task InitializeAsync()
    {
        using var known = await gateway.Member.GetAsync($"/api/v1/models/{Asset}");
        if (known.IsSuccessStatusCode) return;
        await gateway.Member.AddDatasetAsync(Asset);
        await gateway.Member.AddModelAsync(Asset);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Job_IsSubmittedSeenAndCancelled()
    {
        using var response = await gateway.Member.SubmitAsync(Spec());
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var job = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal($"/api/v1/jobs/{job.Text("id")}", response.Headers.Location!.ToString());
        Assert.Equal(("acme", "validating", "acme/tuned"), (job.Text("org"), job.Text("status"), job.Text("adapter")));
        Assert.Equal(16, job.GetProperty("spec").GetProperty("method").GetProperty("rank").GetInt32());
        Assert.Equal("cancelled", (await gateway.Member.PostAsync($"/api/v1/jobs/{job.Text("id")}/cancel", null).JsonAsync()).Text("status"));
        Assert.Equal("cancelled", (await gateway.Member.PostAsync($"/api/v1/jobs/{job.Text("id")}/cancel", null).JsonAsync()).Text("status"));
        foreach (var list in (string[])["metrics", "checkpoints"])
        {
            var page = await gateway.Reader.GetAsync($"/api/v1/jobs/{job.Text("id")}/{list}").JsonAsync();
            Assert.Equal((0, JsonValueKind.Null), (page.GetProperty("data").GetArrayLength(), page.GetProperty("next").ValueKind));
        }
        using var log = await gateway.Reader.GetAsync($"/api/v1/jobs/{job.Text("id")}/logs?follow=true");
        Assert.Equal((HttpStatusCode.OK, "text/plain"), (log.StatusCode, log.Content.Headers.ContentType!.MediaType));
    }

    [Fact]
    public async Task Logs_AreThoseOfTheWorkerThatIsAskedFor()
    {
        var job = (await gateway.Member.SubmitAsync(Spec()).JsonAsync(HttpStatusCode.Created)).Text("id");
        foreach (var worker in (int[])[0, 1])
            await gateway.App.Services.GetRequiredService<IBlobStore>().WriteAsync(JobLogKeys.Segment(job, worker, 1, 0), new MemoryStream(Encoding.UTF8.GetBytes($"worker {worker} speaks\n")));

        Assert.Equal("worker 0 speaks\n", await gateway.Reader.GetStringAsync($"/api/v1/jobs/{job}/logs"));
        Assert.Equal("worker 1 speaks\n", await gateway.Reader.GetStringAsync($"/api/v1/jobs/{job}/logs?worker=1"));
        Assert.Equal("", await gateway.Reader.GetStringAsync($"/api/v1/jobs/{job}/logs?worker=2"));
        var problem = await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/logs?worker=-1").ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        Assert.Equal("worker", problem.Text("field"));
    }

    [Fact]
    public async Task IdempotencyKey_MeansOneJob()
    {
        var key = Guid.NewGuid().ToString();
        var both = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => gateway.Member.SubmitAsync(Spec(), key).JsonAsync(HttpStatusCode.Created)));
        var id = Assert.Single(both.Select(j => j.Text("id")).Distinct());
        var problem = await gateway.Member.SubmitAsync(Spec(name: "another"), key).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.IdempotencyMismatch);
        Assert.Equal("Idempotency-Key", problem.Text("field"));
        Assert.NotEqual(id, (await gateway.Admin.SubmitAsync(Spec(), key).JsonAsync(HttpStatusCode.Created)).Text("id"));
        Assert.NotEqual(id, (await gateway.Member.SubmitAsync(Spec()).JsonAsync(HttpStatusCode.Created)).Text("id"));
        await gateway.Member.SubmitAsync(Spec(), new string('k', 256)).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
    }

    [Theory]
    [InlineData("base_model")]
    [InlineData("data.train")]
    [InlineData("data.validation")]
    public async Task Job_WithANameThatNobodyKnows_IsRefusedAtOnce(string field)
    {
        var data = new Dictionary<string, string> { ["train"] = field == "data.train" ? "no-such" : Asset };
        if (field == "data.validation") data["validation"] = "no-such";
        var spec = JsonSerializer.Serialize(new { base_model = field == "base_model" ? "no-such" : Asset, adapter = "acme/tuned", data });
        var problem = await gateway.Member.SubmitAsync(spec).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        Assert.Equal(field, problem.Text("field"));
        Assert.Contains("no-such", problem.Text("detail"));
    }

    [Fact]
    public async Task Job_ForAnAdapterOfOthers_IsRefused()
    {
        await gateway.Member.SubmitAsync(Spec("globex/tuned")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Member.SubmitAsync(Spec("shared/tuned")).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        // An admin's job sees what its organisation sees, not what the admin does.
        await gateway.Admin.SubmitAsync(Spec("globex/tuned")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task DryRun_WithoutANode_SaysSoAndKeepsNothing()
    {
        var before = await CountAsync();
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/jobs?dry_run=true") { Content = HttpAssert.Json(Spec()) };
        await gateway.Member.SendAsync(request).ProblemAsync(HttpStatusCode.ServiceUnavailable, ErrorCodes.Unavailable);
        Assert.Equal(before, await CountAsync());
    }

    [Fact]
    public async Task ListOfJobs_IsPagedNewestFirst()
    {
        var made = new List<string>();
        for (var i = 0; i < 5; i++) made.Add((await gateway.Member.SubmitAsync(Spec()).JsonAsync(HttpStatusCode.Created)).Text("id"));
        var seen = new List<string>();
        for (var next = ""; next is not null;)
        {
            var page = await gateway.Reader.GetAsync($"/api/v1/jobs?limit=2{(next.Length > 0 ? "&after=" + next : "")}").JsonAsync();
            var ids = page.GetProperty("data").EnumerateArray().Select(j => j.Text("id")).ToList();
            Assert.InRange(ids.Count, 1, 2);
            seen.AddRange(ids);
            next = page.GetProperty("next").GetString();
        }
        Assert.Equal(seen.OrderByDescending(i => i, StringComparer.Ordinal), seen);
        Assert.Equal(seen.Distinct(), seen);
        Assert.Equal(made.AsEnumerable().Reverse(), seen.Where(made.Contains));
    }

    [Fact]
    public async Task Asset_InUse_IsNotDeletedAndNamesItsUsers()
    {
        await gateway.Member.AddDatasetAsync("held");
        await gateway.Member.AddModelAsync("held");
        var job = (await gateway.Member.SubmitAsync(Samples.Job("held", "held")).JsonAsync(HttpStatusCode.Created)).Text("id");
        // The job takes hold of what it names when it is validated, and then says what it waits for.
        await Eventually.HoldsAsync(async () => (await gateway.Reader.GetAsync($"/api/v1/jobs/{job}").JsonAsync()).TryGetProperty("waiting", out _), "the job should say why it waits");
        foreach (var kind in (string[])["datasets", "models"])
        {
            var problem = await gateway.Member.DeleteAsync($"/api/v1/{kind}/held").ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.InUse);
            Assert.Equal(job, problem.GetProperty("findings").EnumerateArray().Single().Text("where"));
        }
        await gateway.Member.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
        await gateway.Member.DeleteAsync("/api/v1/datasets/held").JsonAsync(HttpStatusCode.NoContent);
        await gateway.Member.DeleteAsync("/api/v1/models/held").JsonAsync(HttpStatusCode.NoContent);
    }

    [Fact]
    public async Task EventStream_EndsWithTheJob_AndResumesAfterAnyEvent()
    {
        var job = (await gateway.Member.SubmitAsync(Spec()).JsonAsync(HttpStatusCode.Created)).Text("id");
        using var limit = new CancellationTokenSource(Limit);
        using var response = await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/events/stream", HttpCompletionOption.ResponseHeadersRead, limit.Token);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("no-cache", response.Headers.CacheControl!.ToString());
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token), Encoding.UTF8);
        Assert.Equal("retry: 1000", await reader.ReadLineAsync(limit.Token));
        await gateway.Member.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
        var events = Parse(await reader.ReadToEndAsync(limit.Token));
        Assert.True(events.Count >= 2, $"{events.Count} events");
        Assert.Equal(Enumerable.Range(1, events.Count), events.Select(e => (int)e.Id));
        Assert.All(events, e => Assert.Equal((e.Id, e.Type), (e.Data.GetProperty("seq").GetInt64(), e.Data.Text("type"))));
        Assert.Contains("cancelled", events[^1].Data.GetRawText());

        var all = await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/events").JsonAsync();
        Assert.Equal(events.Select(e => e.Data.GetRawText()), all.GetProperty("data").EnumerateArray().Select(e => e.GetRawText()));
        for (var last = 0; last <= events.Count; last++)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/jobs/{job}/events/stream");
            request.Headers.Add("Last-Event-ID", last.ToString(System.Globalization.CultureInfo.InvariantCulture));
            using var rest = await gateway.Reader.SendAsync(request, limit.Token);
            Assert.Equal(events.Skip(last).Select(e => e.Id), Parse(await rest.Content.ReadAsStringAsync(limit.Token)).Select(e => e.Id));
        }
    }

    [Fact]
    public async Task Schema_NeedsNoKeyAndHoldsTheDefaults()
    {
        var schema = await gateway.Nobody.GetAsync("/api/v1/jobs/schema").JsonAsync();
        Assert.Equal(16, schema.GetProperty("properties").GetProperty("method").GetProperty("properties").GetProperty("rank").GetProperty("default").GetInt32());
    }

    private sealed record ServerSent(long Id, string Type, JsonElement Data);

    private static List<ServerSent> Parse(string text) =>
    [
        .. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(b => b.Trim('\n').Split('\n')).Where(l => l[0].StartsWith("id: ", StringComparison.Ordinal))
            .Select(l => new ServerSent(long.Parse(l[0][4..], System.Globalization.CultureInfo.InvariantCulture), l[1]["event: ".Length..], JsonDocument.Parse(l[2]["data: ".Length..]).RootElement)),
    ];

    private async Task<int> CountAsync() => (await gateway.Admin.GetAsync("/api/v1/jobs?limit=1000").JsonAsync()).GetProperty("data").GetArrayLength();
}
