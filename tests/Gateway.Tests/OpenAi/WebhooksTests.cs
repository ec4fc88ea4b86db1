using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Webhooks;
using FineTuneGrid.Gateway.OpenAi.Webhooks;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

/// <summary>Webhooks from a job's end to a receiver.</summary>
[Collection(GatewayCollection.Name)]
public sealed class WebhooksTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private const string Route = "/api/v1/webhooks";

    private readonly ConcurrentQueue<(IReadOnlyDictionary<string, string> Headers, byte[] Body)> _received = [];
    private readonly Queue<int> _answers = [];
    private WebApplication _receiver = null!;

    private string Receiver => _receiver.Urls.First().Replace("127.0.0.1", GatewayUnderTest.WebhookHost) + "/in";

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _receiver = builder.Build();
        _receiver.MapPost("/in", async (HttpContext context) =>
        {
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            // The request's own headers are another request's soon.
            _received.Enqueue((context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), body.ToArray()));
            return Results.StatusCode(_answers.TryDequeue(out var status) ? status : 200);
        });
        _receiver.MapGet("/in", () => Results.Ok());
        await _receiver.StartAsync();
    }

    public async Task DisposeAsync() => await _receiver.DisposeAsync();

    [Fact]
    public async Task EndOfAJob_IsToldSigned_AndAgainUntilItIsTaken()
    {
        var (client, org) = await MemberAsync();
        var made = await client.PostAsJsonAsync(Route, new { url = Receiver }).JsonAsync(HttpStatusCode.Created);
        Assert.False((await client.GetAsync(Route).JsonAsync()).GetProperty("data")[0].TryGetProperty("secret", out _));
        _answers.Enqueue(500);
        _answers.Enqueue(302);
        var job = await CancelledJobAsync(client, org);
        var clock = new Clock();
        var dispatcher = ActivatorUtilities.CreateInstance<WebhookDispatcher>(gateway.App.Services, clock);
        await Eventually.HoldsAsync(() => IsPendingAsync(job), "the end of the job to be noted");
        foreach (var (wait, expected) in new[] { (0, 1), (0, 1), (4, 1), (1, 2), (299, 2), (1, 3) })
        {
            clock.Now += TimeSpan.FromSeconds(wait);
            await dispatcher.RoundAsync(CancellationToken.None);
            Assert.Equal(expected, _received.Count);
        }
        Assert.False(await IsPendingAsync(job));
        foreach (var (headers, body) in _received)
        {
            var (id, timestamp) = (headers["webhook-id"], long.Parse(headers["webhook-timestamp"]));
            Assert.Equal($"evt_{job}", id);
            Assert.Equal(StandardWebhook.Sign(made.Text("secret"), id, DateTimeOffset.FromUnixTimeSeconds(timestamp), body), headers["webhook-signature"]);
            var told = JsonDocument.Parse(body).RootElement;
            Assert.Equal(("event", "fine_tuning.job.cancelled", "ft" + job), (told.Text("object"), told.Text("type"), told.GetProperty("data").Text("id")));
        }
    }

    [Fact]
    public async Task Gateway_DeliversByItself_AndOnlyWhatIsWanted()
    {
        var (client, org) = await MemberAsync();
        await client.PostAsJsonAsync(Route, new { url = Receiver + "?failed", events = new[] { "fine_tuning.job.failed" } }).JsonAsync(HttpStatusCode.Created);
        var wanted = await client.PostAsJsonAsync(Route, new { url = Receiver, events = new[] { "fine_tuning.job.cancelled" } }).JsonAsync(HttpStatusCode.Created);
        var secrets = gateway.App.Services.GetRequiredService<GatewayOptions>().Secrets;
        using var dispatcher = ActivatorUtilities.CreateInstance<WebhookDispatcher>(gateway.App.Services, new GatewayOptions { Secrets = secrets, WebhookPoll = TimeSpan.FromMilliseconds(50) });
        await dispatcher.StartAsync(CancellationToken.None);
        var job = await CancelledJobAsync(client, org);
        await Eventually.HoldsAsync(async () => !_received.IsEmpty && !await IsPendingAsync(job), "the receiver to be told");
        await dispatcher.StopAsync(CancellationToken.None);
        Assert.Single(_received);
        await client.DeleteAsync($"{Route}/{wanted.Text("id")}").JsonAsync(HttpStatusCode.NoContent);
        await client.DeleteAsync($"{Route}/{wanted.Text("id")}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        Assert.Single((await client.GetAsync(Route).JsonAsync()).GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task Endpoint_ThatCannotBe_IsRefused()
    {
        var (client, _) = await MemberAsync();
        foreach (var url in (string[])["http://example.com/", "https://127.0.0.1/", $"http://127.0.0.1:{new Uri(Receiver).Port}/in"])
            Assert.Equal("url", (await client.PostAsJsonAsync(Route, new { url }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)).Text("field"));
        await client.PostAsJsonAsync(Route, new { url = Receiver, events = new[] { "fine_tuning.job.paused" } }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        await client.PostAsJsonAsync(Route, new { url = Receiver, org = "acme" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        for (var i = 0; i < 10; i++) await client.PostAsJsonAsync(Route, new { url = Receiver + i }).JsonAsync(HttpStatusCode.Created);
        await client.PostAsJsonAsync(Route, new { url = Receiver }).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);
    }

    [Fact]
    public async Task Create_Repeated_IsTheSameEndpointWithTheSameSecret()
    {
        var (client, _) = await MemberAsync();
        client.DefaultRequestHeaders.Add("Idempotency-Key", Guid.NewGuid().ToString());
        var first = await client.PostAsJsonAsync(Route, new { url = Receiver }).JsonAsync(HttpStatusCode.Created);
        Assert.Equal(first.GetRawText(), (await client.PostAsJsonAsync(Route, new { url = Receiver }).JsonAsync(HttpStatusCode.Created)).GetRawText());
        var blobs = gateway.App.Services.GetRequiredService<IBlobStore>();
        await foreach (var blob in blobs.ListAsync(""))
            Assert.DoesNotContain(first.Text("secret")["whsec_".Length..], System.Text.Encoding.UTF8.GetString((await blobs.ReadAllBytesAsync(blob.Key))?.Bytes ?? []));
    }

    [Fact]
    public async Task Sender_ConnectsNowhereInside()
    {
        using var sender = new WebhookSender(new WebhookEgress([]), TimeProvider.System);
        var notice = new WebhookNotice("job-1", "acme", Contracts.Jobs.JobStatus.Failed, DateTimeOffset.UtcNow, new Dictionary<string, WebhookDelivery>());
        WebhookEndpoint At(string url) => new("webhook-1", "acme", url, WebhookEvents.All, DateTimeOffset.UtcNow, StandardWebhook.NewSecret());
        Assert.Contains("no public address", await sender.SendAsync(At($"https://localhost:{new Uri(Receiver).Port}/in"), notice, CancellationToken.None));
        Assert.Contains("no public address", await sender.SendAsync(At($"https://127.0.0.1:{new Uri(Receiver).Port}/in"), notice, CancellationToken.None));
        Assert.Empty(_received);
    }

    private async Task<(HttpClient Client, string Org)> MemberAsync()
    {
        var org = "hooks-" + Guid.NewGuid().ToString("N")[..8];
        return (gateway.Client((await gateway.KeyAsync("member", org)).Secret), org);
    }

    private static async Task<string> CancelledJobAsync(HttpClient client, string org)
    {
        await client.AddModelAsync("base");
        await client.AddDatasetAsync("rows");
        var job = (await client.SubmitAsync(Samples.Job("base", "rows", $"{org}/tuned")).JsonAsync(HttpStatusCode.Created)).Text("id");
        await client.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
        return job;
    }

    private async Task<bool> IsPendingAsync(string job) => await gateway.App.Services.GetRequiredService<IBlobStore>().StatAsync(WebhookKeys.Notice(job)) is not null;

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
