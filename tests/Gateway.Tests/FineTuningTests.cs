using System.Diagnostics;
using System.Net;
using System.Text.Json;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>OpenAI's fine-tuning over HTTP. No node is there, so that jobs stay in validation.</summary>
[Collection(GatewayCollection.Name)]
public sealed class FineTuningTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private const string Asset = "openai-jobs";
    private const string Jobs = "/v1/fine_tuning/jobs";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    public async Task InitializeAsync()
    {
        using var known = await gateway.Member.GetAsync($"/api/v1/models/{Asset}");
        if (known.IsSuccessStatusCode) return;
        await gateway.Member.AddDatasetAsync(Asset, Samples.Rows(40));
        await gateway.Member.AddModelAsync(Asset);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Job_IsShownAsOpenAisClientsExpectIt()
    {
        using var response = await PostAsync(gateway.Member, Jobs, Body(new { suffix = "Shown", seed = 3, metadata = new { team = "a" }, validation_file = Asset }));
        Assert.StartsWith("req_", response.Headers.GetValues("x-request-id").Single(), StringComparison.Ordinal);
        var job = await Task.FromResult(response).JsonAsync();
        Assert.Equal(["id", "object", "created_at", "error", "fine_tuned_model", "finished_at", "hyperparameters", "model", "organization_id", "result_files", "seed", "status",
            "trained_tokens", "training_file", "validation_file", "estimated_finish", "integrations", "metadata", "method", "grid"], job.EnumerateObject().Select(m => m.Name));
        Assert.StartsWith("ftjob-", job.Text("id"), StringComparison.Ordinal);
        Assert.Equal(("fine_tuning.job", "validating_files", Asset, Asset, "acme", 3), (job.Text("object"), job.Text("status"), job.Text("model"), job.Text("training_file"), job.Text("organization_id"), job.GetProperty("seed").GetInt32()));
        Assert.Equal("""{"n_epochs":3,"batch_size":5,"learning_rate_multiplier":1}""", job.GetProperty("hyperparameters").GetRawText());
        var method = job.GetProperty("method");
        Assert.Equal(("supervised", 16), (method.Text("type"), method.GetProperty("supervised").GetProperty("lora").GetProperty("rank").GetInt32()));
        Assert.Equal("a", job.GetProperty("metadata").Text("team"));
        // The same job by the other door, and by either id.
        var native = await gateway.Reader.GetAsync("/api/v1/jobs/" + job.GetProperty("grid").Text("id")).JsonAsync();
        Assert.Equal("acme/shown", native.Text("adapter"));
        foreach (var id in (string[])[job.Text("id"), native.Text("id")])
            Assert.Equal(job.Text("id"), (await gateway.Reader.GetAsync($"{Jobs}/{id}").JsonAsync()).Text("id"));
        await CancelAsync(job.Text("id"));
    }

    [Fact]
    public async Task NativeJob_IsShownToo()
    {
        var native = (await gateway.Member.SubmitAsync(Samples.Job(Asset, Asset)).JsonAsync(HttpStatusCode.Created)).Text("id");
        var job = await gateway.Reader.GetAsync($"{Jobs}/ftjob-{native["job-".Length..]}").JsonAsync();
        Assert.Equal((native, "acme/tuned", Asset), (job.GetProperty("grid").Text("id"), job.GetProperty("grid").Text("adapter"), job.Text("training_file")));
        Assert.Equal(1, job.GetProperty("hyperparameters").GetProperty("learning_rate_multiplier").GetDouble());
        await CancelAsync(job.Text("id"));
    }

    [Fact]
    public async Task Steering_IsShownInOpenAisWords()
    {
        var id = await CreateAsync();
        var paused = await PostAsync(gateway.Member, $"{Jobs}/{id}/pause").JsonAsync();
        Assert.Equal(("queued", "paused"), (paused.Text("status"), paused.GetProperty("grid").Text("status")));
        Assert.Equal("validating_files", (await PostAsync(gateway.Member, $"{Jobs}/{id}/resume").JsonAsync()).Text("status"));
        var cancelled = await PostAsync(gateway.Member, $"{Jobs}/{id}/cancel").JsonAsync();
        Assert.Equal("cancelled", cancelled.Text("status"));
        Assert.True(cancelled.GetProperty("finished_at").GetInt64() > 0);
        // Its end is no reason to try again.
        using var late = await PostAsync(gateway.Member, $"{Jobs}/{id}/resume");
        Assert.Equal((HttpStatusCode.Conflict, "false"), (late.StatusCode, late.Headers.GetValues("x-should-retry").Single()));
    }

    [Fact]
    public async Task List_IsPagedAndFilteredByMetadata()
    {
        var (mark, mine) = (Guid.NewGuid().ToString("N"), new List<string>());
        for (var i = 0; i < 5; i++) mine.Add(await CreateAsync(new { metadata = new Dictionary<string, string> { ["mark"] = mark, ["odd"] = i % 2 == 0 ? "no" : "yes" } }));
        mine.Reverse();
        Assert.Equal(mine, await WalkAsync($"{Jobs}?metadata%5Bmark%5D={mark}&limit=2"));
        Assert.Equal([mine[1], mine[3]], await WalkAsync($"{Jobs}?metadata[mark]={mark}&metadata[odd]=yes&limit=1"));
        Assert.Equal(mine, (await WalkAsync($"{Jobs}?limit=3")).Where(mine.Contains));
        Assert.Empty((await WalkAsync($"{Jobs}?metadata=null")).Intersect(mine));
        Assert.Empty(await WalkAsync($"{Jobs}?metadata[mark]=nobody"));
        Assert.DoesNotContain(mine[0], await WalkAsync($"{Jobs}?limit=100", gateway.Stranger));
        foreach (var id in mine) await CancelAsync(id);
    }

    [Fact]
    public async Task Events_AreNewestFirst_AndPaged()
    {
        var id = await CreateAsync();
        foreach (var verb in (string[])["pause", "resume", "cancel"]) await PostAsync(gateway.Member, $"{Jobs}/{id}/{verb}").JsonAsync();
        var all = (await gateway.Reader.GetAsync($"{Jobs}/{id}/events").JsonAsync()).GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(4, all.Count);
        Assert.Equal(("fine_tuning.job.event", "info", "message", "cancelled"), (all[0].Text("object"), all[0].Text("level"), all[0].Text("type"), all[0].GetProperty("data").Text("status")));
        Assert.Equal(all.Select(e => e.Text("id")), await WalkAsync($"{Jobs}/{id}/events?limit=1"));
        Assert.Equal(all.Select(e => e.Text("id")), await WalkAsync($"{Jobs}/{id}/events?limit=3"));
        var checkpoints = await gateway.Reader.GetAsync($"{Jobs}/{id}/checkpoints").JsonAsync();
        Assert.Equal("""{"object":"list","data":[],"has_more":false,"first_id":null,"last_id":null}""", checkpoints.GetRawText());
    }

    [Fact]
    public async Task Create_WithAnIdempotencyKey_MakesOneJob()
    {
        var key = Guid.NewGuid().ToString();
        var body = Body(new { suffix = "once" });
        var ids = await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ => (await PostAsync(gateway.Member, Jobs, body, key).JsonAsync()).Text("id")));
        var id = Assert.Single(ids.Distinct());
        Assert.Equal("Idempotency-Key", (await ErrorAsync(PostAsync(gateway.Member, Jobs, Body(new { suffix = "twice" }), key), HttpStatusCode.BadRequest)).Text("param"));
        var paused = await PostAsync(gateway.Member, $"{Jobs}/{id}/pause", key: key + "p").JsonAsync();
        await PostAsync(gateway.Member, $"{Jobs}/{id}/resume").JsonAsync();
        Assert.Equal(paused.GetRawText(), (await PostAsync(gateway.Member, $"{Jobs}/{id}/pause", key: key + "p").JsonAsync()).GetRawText());
        await CancelAsync(id);
    }

    [Theory]
    [InlineData("""{"model":"no-such","training_file":"openai-jobs"}""", "model", "model_not_found", 404)]
    [InlineData("""{"model":"ft:a:b:c:d","training_file":"openai-jobs"}""", "model", "model_not_found", 404)]
    [InlineData("""{"model":"a\r\nX-Evil: 1","training_file":"openai-jobs"}""", "model", "model_not_found", 404)]
    [InlineData("""{"model":"openai-jobs","training_file":"no-such"}""", "training_file", "invalid_value", 400)]
    [InlineData("""{"model":"openai-jobs","training_file":"file-none"}""", "training_file", "invalid_value", 400)]
    [InlineData("""{"model":"openai-jobs","training_file":"openai-jobs","validation_file":"file-none"}""", "validation_file", "invalid_value", 400)]
    [InlineData("""{"model":"openai-jobs","training_file":"openai-jobs","hyperparameters":{"n_epochs":"x"}}""", "hyperparameters.n_epochs", "invalid_value", 400)]
    [InlineData("""{"model":"openai-jobs"}""", "training_file", "missing_field", 400)]
    [InlineData("""{"model":"a","model":"b","training_file":"openai-jobs"}""", null, "invalid_json", 400)]
    [InlineData("{}", "model", "missing_field", 400)]
    [InlineData("", null, "invalid_json", 400)]
    public async Task WhatCannotBe_IsRefusedByItsParameter(string body, string? param, string code, int status)
    {
        var error = await ErrorAsync(PostAsync(gateway.Member, Jobs, body), (HttpStatusCode)status);
        Assert.Equal((param, code, "invalid_request_error"), (error.GetProperty("param").GetString(), error.Text("code"), error.Text("type")));
    }

    [Fact]
    public async Task HostileBodies_AreRefusedWithinASecond()
    {
        var deep = new string('[', 100_000);
        foreach (var (body, type) in new[]
        {
            (deep, "application/json"), ("{\"model\":" + deep, "application/json"), ($"{{\"metadata\":{string.Concat(Enumerable.Repeat("{\"a\":", 100_000))}", "application/json"),
            ("{\"model\":\"" + new string('m', 2 << 20), "application/json"), ("model=a", "application/x-www-form-urlencoded"), ("{}", "text/plain"), ("\0\0", "application/json"),
        })
        {
            var watch = Stopwatch.StartNew();
            using var response = await PostAsync(gateway.Member, Jobs, body, type: type);
            Assert.True((int)response.StatusCode is >= 400 and < 500, $"{response.StatusCode} for {body[..Math.Min(20, body.Length)]}");
            Assert.True(watch.Elapsed < Soon, $"{watch.Elapsed} for {body[..Math.Min(20, body.Length)]}");
        }
    }

    [Theory]
    [InlineData("?limit=0", "limit")]
    [InlineData("?limit=x", "limit")]
    [InlineData("?limit=99999999999", "limit")]
    [InlineData("?after=nothing", "after")]
    public async Task Lists_RefuseWhatIsNoPage(string query, string param)
    {
        var id = await CreateAsync();
        foreach (var list in (string[])[Jobs, $"{Jobs}/{id}/events", $"{Jobs}/{id}/checkpoints"])
            Assert.Equal(param, (await ErrorAsync(gateway.Reader.GetAsync(list + query), HttpStatusCode.BadRequest)).Text("param"));
        await CancelAsync(id);
    }

    [Fact]
    public async Task Job_OfOthers_DoesNotExist()
    {
        var id = await CreateAsync();
        foreach (var path in (string[])["", "/events", "/checkpoints"])
            Assert.Equal("fine_tuning_job_id", (await ErrorAsync(gateway.Stranger.GetAsync($"{Jobs}/{id}{path}"), HttpStatusCode.NotFound)).Text("param"));
        foreach (var verb in (string[])["pause", "resume", "cancel"])
        {
            await ErrorAsync(PostAsync(gateway.Stranger, $"{Jobs}/{id}/{verb}"), HttpStatusCode.NotFound);
            await ErrorAsync(PostAsync(gateway.Reader, $"{Jobs}/{id}/{verb}"), HttpStatusCode.Forbidden);
        }
        await ErrorAsync(PostAsync(gateway.Stranger, Jobs, Body(new { })), HttpStatusCode.NotFound);
        await CancelAsync(id);
    }

    [Fact]
    public async Task Permissions_AreRefusedWithTheWayThereIs()
    {
        await gateway.Member.PushAdapterAsync("acme", "permitted", Asset, 32, "model.layers.0.self_attn.q_proj");
        var path = $"/v1/fine_tuning/checkpoints/{Uri.EscapeDataString($"ft:{Asset}:acme:permitted:{new string('0', 26)}")}/permissions";
        Assert.Empty((await gateway.Reader.GetAsync(path).JsonAsync()).GetProperty("data").EnumerateArray());
        Assert.Equal("project_ids", (await ErrorAsync(PostAsync(gateway.Member, path, """{"project_ids":["globex"]}"""), HttpStatusCode.BadRequest)).Text("param"));
        await ErrorAsync(gateway.Member.DeleteAsync(path + "/cp_1"), HttpStatusCode.NotFound);
        await ErrorAsync(gateway.Stranger.GetAsync(path), HttpStatusCode.NotFound);
    }

    private async Task<string> CreateAsync(object? more = null) => (await PostAsync(gateway.Member, Jobs, Body(more ?? new { })).JsonAsync()).Text("id");

    private Task<JsonElement> CancelAsync(string id) => PostAsync(gateway.Member, $"{Jobs}/{id}/cancel").JsonAsync();

    /// <summary>The ids of every page, as OpenAI's clients follow them.</summary>
    private async Task<List<string>> WalkAsync(string url, HttpClient? client = null)
    {
        var seen = new List<string>();
        for (var more = true; more;)
        {
            var page = await (client ?? gateway.Reader).GetAsync(url + (seen.Count == 0 ? "" : $"{(url.Contains('?') ? '&' : '?')}after={seen[^1]}")).JsonAsync();
            var ids = page.GetProperty("data").EnumerateArray().Select(i => i.Text("id")).ToList();
            seen.AddRange(ids);
            more = page.GetProperty("has_more").GetBoolean();
            Assert.True(!more || ids.Count > 0, "a page that is not the last holds something");
        }
        return seen;
    }

    private static string Body(object more)
    {
        var body = JsonSerializer.SerializeToNode(more)!.AsObject();
        body["model"] = Asset;
        body["training_file"] = Asset;
        return body.ToJsonString();
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string path, string? body = null, string? key = null, string type = "application/json")
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body is null ? null : new StringContent(body, null, type) };
        if (key is not null) request.Headers.Add(IdempotentPosts.Header, key);
        return client.SendAsync(request);
    }

    private static async Task<JsonElement> ErrorAsync(Task<HttpResponseMessage> sent, HttpStatusCode status) => (await sent.JsonAsync(status)).GetProperty("error");
}
