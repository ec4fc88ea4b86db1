using System.Net;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Idempotency-Key on every POST of the API.</summary>
[Collection(GatewayCollection.Name)]
public sealed class IdempotencyTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task EveryPost_LooksAtTheKey()
    {
        var routes = gateway.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText!.StartsWith("/api/", StringComparison.Ordinal) && e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Contains("POST")).ToList();
        Assert.True(routes.Count > 10, $"{routes.Count} routes");
        foreach (var route in routes)
        {
            var path = string.Join('/', route.RoutePattern.RawText!.Split('/').Select(p => p.StartsWith('{') ? "nothing" : p));
            var problem = await PostAsync(gateway.Admin, path, "{}", new string('k', 256)).JsonAsync(HttpStatusCode.UnprocessableEntity);
            Assert.Equal((ErrorCodes.InvalidValue, "Idempotency-Key"), (problem.Text("code"), problem.Text("field")));
        }
    }

    [Fact]
    public async Task Create_Repeated_GivesTheFirstAnswer()
    {
        var key = Key();
        using var first = await PostAsync(gateway.Member, "/api/v1/datasets", """{"name":"repeated"}""", key);
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.False(first.Headers.Contains(IdempotentPosts.ReplayedHeader));
        using var again = await PostAsync(gateway.Member, "/api/v1/datasets", """{"name":"repeated"}""", key);
        Assert.Equal((HttpStatusCode.Created, "true"), (again.StatusCode, again.Headers.GetValues(IdempotentPosts.ReplayedHeader).Single()));
        Assert.Equal((await first.Content.ReadAsStringAsync(), first.Headers.Location, first.Content.Headers.ContentType),
            (await again.Content.ReadAsStringAsync(), again.Headers.Location, again.Content.Headers.ContentType));
        // Without the key, or with that of another caller, it is another request.
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(gateway.Member, "/api/v1/datasets", """{"name":"repeated"}""", null)).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await PostAsync(gateway.Stranger, "/api/v1/datasets", """{"name":"repeated"}""", key)).StatusCode);
    }

    [Fact]
    public async Task OtherRequestUnderTheKey_IsRefused()
    {
        var key = Key();
        await PostAsync(gateway.Member, "/api/v1/datasets", """{"name":"one-thing"}""", key).JsonAsync(HttpStatusCode.Created);
        foreach (var (path, body) in ((string, string)[])[("/api/v1/datasets", """{"name":"another-thing"}"""), ("/api/v1/models", """{"name":"one-thing"}"""), ("/api/v1/datasets?x=1", """{"name":"one-thing"}""")])
            Assert.Equal("Idempotency-Key", (await PostAsync(gateway.Member, path, body, key).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.IdempotencyMismatch)).Text("field"));
    }

    [Fact]
    public async Task Refusal_IsNotKept_SoThatItMayBeMended()
    {
        var key = Key();
        await PostAsync(gateway.Member, "/api/v1/datasets", """{"name":"mended"}""", null).JsonAsync(HttpStatusCode.Created);
        await PostAsync(gateway.Member, "/api/v1/datasets/mended/commit", "{}", key).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
        await gateway.Member.PutAsync("/api/v1/datasets/mended/files/rows.jsonl", Samples.Rows()).JsonAsync(HttpStatusCode.Created);
        Assert.Equal("ready", (await PostAsync(gateway.Member, "/api/v1/datasets/mended/commit", "{}", key).JsonAsync()).Text("status"));
    }

    [Fact]
    public async Task Steering_Repeated_DoesNotSteerAgain()
    {
        await gateway.Member.AddDatasetAsync("steered");
        await gateway.Member.AddModelAsync("steered");
        var job = "/api/v1/jobs/" + (await gateway.Member.SubmitAsync(Samples.Job("steered", "steered")).JsonAsync(HttpStatusCode.Created)).Text("id");
        var key = Key();
        var paused = await PostAsync(gateway.Member, job + "/pause", "", key).JsonAsync();
        await PostAsync(gateway.Member, job + "/resume", "", null).JsonAsync();
        var status = (await gateway.Member.GetAsync(job).JsonAsync()).Text("status");
        Assert.Equal(paused.GetRawText(), (await PostAsync(gateway.Member, job + "/pause", "", key).JsonAsync()).GetRawText());
        Assert.Equal(status, (await gateway.Member.GetAsync(job).JsonAsync()).Text("status"));
        await PostAsync(gateway.Member, job + "/cancel", "", null).JsonAsync();
    }

    [Fact]
    public async Task KeyCreation_Repeated_ShowsTheSameSecretWithoutStoringIt()
    {
        var key = Key();
        var bodies = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => PostAsync(gateway.Admin, "/api/v1/keys", """{"name":"once","org":"acme","role":"reader"}""", key).JsonAsync(HttpStatusCode.Created)));
        Assert.Single(bodies.Select(b => b.GetProperty("key").Text("id")).Distinct());
        var secret = Assert.Single(bodies.Select(b => b.Text("secret")).Distinct());
        using var client = gateway.Client(secret);
        await client.GetAsync("/api/v1/jobs").JsonAsync();
        Assert.NotEqual(secret, (await PostAsync(gateway.Admin, "/api/v1/keys", """{"name":"once","org":"acme","role":"reader"}""", Key()).JsonAsync(HttpStatusCode.Created)).Text("secret"));
        await PostAsync(gateway.Admin, "/api/v1/keys", """{"name":"twice","org":"acme","role":"reader"}""", key).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.IdempotencyMismatch);
        // The secret is shown again, and still stored nowhere.
        foreach (var file in Directory.EnumerateFiles(Path.Combine(gateway.Directory, "blobs"), "*", SearchOption.AllDirectories).Where(f => !f.Contains("/@staging/", StringComparison.Ordinal)))
            Assert.DoesNotContain(secret["ftg_".Length..], await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task Replies_AreKeptForADay_AndThenGo()
    {
        var folder = Directory.CreateTempSubdirectory("ftg-replies-").FullName;
        try
        {
            var clock = new Clock(new DateTimeOffset(2026, 3, 1, 23, 59, 0, TimeSpan.Zero));
            using var blobs = new LocalBlobStore(folder);
            var store = new ReplyStore(blobs, clock);
            await store.KeepAsync("a", new StoredReply("d", 201, "application/json", "/x", [1, 2]));
            clock.Now = clock.Now.AddHours(24);
            var kept = await store.FindAsync("a", default);
            Assert.Equal(("d", 201, "/x", 2), (kept!.RequestDigest, kept.Status, kept.Location, kept.Body.Length));
            clock.Now = clock.Now.AddHours(24);
            Assert.Null(await store.FindAsync("a", default));
            await store.KeepAsync("b", kept);
            var left = new List<string>();
            await foreach (var blob in blobs.ListAsync("idempotency/")) left.Add(blob.Key);
            Assert.Equal("idempotency/replies/20260303/b.json", Assert.Single(left));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Key() => Guid.NewGuid().ToString();

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string path, string body, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = HttpAssert.Json(body) };
        if (key is not null) request.Headers.Add(IdempotentPosts.Header, key);
        return client.SendAsync(request);
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
