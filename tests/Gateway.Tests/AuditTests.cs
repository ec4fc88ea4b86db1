using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Audit;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Who changed what: every request for a change leaves a line, and the lines can be read.</summary>
[Collection(GatewayCollection.Name)]
public sealed class AuditTests(GatewayUnderTest gateway)
{
    /// <summary>Routes that change nothing, whatever their method. A new entry here is a decision.</summary>
    private static readonly string[] Unaudited =
    [
        "POST /login", "POST /logout", "POST /theme", "POST /adapters/{org}/{name}", "POST /tokenize", "POST /detokenize", "POST /classify", "POST /v1/completions", "POST /v1/chat/completions", "POST /api/v1/generate", "POST /api/v1/evaluate",
        "POST /api/v1/jobs/{id}/verify-resume", "POST /api/repos/create", "POST /api/validate-yaml", "PUT /api/hub/uploads/{token}", "POST /api/hub/uploads/{token}",
        "POST /api/models/{name}/paths-info/{rev}", "POST /api/models/{org}/{name}/paths-info/{rev}", "POST /api/models/{name}/preupload/{rev}", "POST /api/models/{org}/{name}/preupload/{rev}",
        "POST /{name}.git/info/lfs/objects/batch", "POST /{org}/{name}.git/info/lfs/objects/batch",
    ];

    [Fact]
    public async Task EveryRouteThatChangesSomething_LeavesALine()
    {
        var began = DateTimeOffset.UtcNow;
        var routes = MappedRoute.All(gateway).Where(r => !r.Reads).ToList();
        Assert.Equal(Unaudited.Order(), routes.Where(r => r.Endpoint.Metadata.GetMetadata<AuditPolicy>()?.Mode == AuditMode.Never).Select(r => r.Name).Order());
        var changes = routes.Where(r => !Unaudited.Contains(r.Name)).ToList();
        Assert.True(changes.Count > 15, $"{changes.Count} routes");
        // An admin's key of its own, so that other tests' lines are not in the way.
        var (id, secret) = await gateway.KeyAsync("admin", null);
        using var admin = gateway.Client(secret);
        using var browser = await PageBrowser.SignedInAsync(gateway, secret);
        foreach (var route in changes) (await route.SendAsync(route.IsForBrowsers ? browser : admin)).Dispose();
        await Eventually.HoldsAsync(async () => (await ReadAsync($"since={Text(began)}&key={id}")).Count >= changes.Count, "a line for each of these requests");
        var lines = (await ReadAsync($"since={Text(began)}&key={id}")).Select(r => r.Text("route")).ToList();
        Assert.Equal(changes.Select(r => r.Name).Order(), lines.Select(l => l.TrimEnd('/')).Order());
    }

    [Fact]
    public async Task Line_SaysWhoDidWhatToWhat_AndWhetherItWasDone()
    {
        var began = DateTimeOffset.UtcNow;
        var (id, secret) = await gateway.KeyAsync("member", GatewayUnderTest.Acme);
        using var member = gateway.Client(secret);
        await member.PostAsJsonAsync("/api/v1/datasets", new { name = "audited-set" }).JsonAsync(HttpStatusCode.Created);
        await member.PostAsJsonAsync("/api/v1/datasets", new { name = "Audited" }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        var refusal = await member.DeleteAsync("/api/v1/keys/key-admin").ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        (await member.DeleteAsync("/api/v1/datasets/audited-set?org=acme")).EnsureSuccessStatusCode();
        await member.GetAsync("/api/v1/datasets").JsonAsync();

        // Before the answer: no waiting here.
        var lines = await ReadAsync($"since={Text(began)}&key={id}");
        Assert.Equal(
            [
                ("POST /api/v1/datasets", "data set audited-set of acme", 201, "done"), ("POST /api/v1/datasets", "data set Audited of acme", 422, "refused"),
                ("DELETE /api/v1/keys/{id}", "/api/v1/keys/key-admin", 403, "refused"), ("DELETE /api/v1/datasets/{name}", "/api/v1/datasets/audited-set?org=acme", 204, "done"),
            ],
            lines.Select(l => (l.Text("route").TrimEnd('/'), l.Text("object"), l.GetProperty("status").GetInt32(), l.Text("outcome"))));
        Assert.All(lines, l => Assert.Equal((id, "acme"), (l.Text("key"), l.Text("org"))));
        Assert.All(lines, l => Assert.InRange(l.GetProperty("at").GetDateTimeOffset(), began, DateTimeOffset.UtcNow));
        Assert.Equal(refusal.Text("traceId"), lines[2].Text("request_id"));
        Assert.DoesNotContain(secret, JsonSerializer.Serialize(lines));
    }

    [Fact]
    public async Task Pages_FollowEachOther_WithoutGapOrDouble()
    {
        var began = DateTimeOffset.UtcNow;
        var (id, secret) = await gateway.KeyAsync("member", GatewayUnderTest.Acme);
        using var member = gateway.Client(secret);
        for (var i = 0; i < 7; i++) (await member.DeleteAsync($"/api/v1/datasets/gone-{i}")).Dispose();
        var (objects, after) = (new List<string>(), "");
        do
        {
            var page = await gateway.Admin.GetAsync($"/api/v1/audit?since={Text(began)}&key={id}&limit=3{after}").JsonAsync();
            Assert.True(page.GetProperty("data").GetArrayLength() <= 3);
            objects.AddRange(page.GetProperty("data").EnumerateArray().Select(r => r.Text("object")));
            after = page.GetProperty("next") is { ValueKind: JsonValueKind.String } next ? "&after=" + Uri.EscapeDataString(next.GetString()!) : "";
        }
        while (after.Length > 0);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"/api/v1/datasets/gone-{i}"), objects);
        Assert.Empty(await ReadAsync($"since={Text(began)}&key={id}&org=globex"));
        Assert.Empty(await ReadAsync($"since={Text(began.AddDays(-2))}&until={Text(began)}&key={id}"));
    }

    [Theory]
    [InlineData("since=2020-01-01T00:00:00Z", "since")]
    [InlineData("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since")]
    [InlineData("after=x", "after")]
    public async Task Question_ThatCannotBe_IsRefused(string query, string field) =>
        Assert.Equal(field, (await gateway.Admin.GetAsync("/api/v1/audit?" + query).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)).Text("field"));

    [Fact]
    public async Task Log_StoppedWithLinesWaiting_WritesThem_InTheirOrder()
    {
        var folder = Directory.CreateTempSubdirectory("ftg-audit-").FullName;
        try
        {
            await LogAndReadAsync(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task LogAndReadAsync(string folder)
    {
        using var store = new LocalBlobStore(folder);
        using var log = new AuditLog(store, TimeProvider.System, NullLogger<AuditLog>.Instance);
        var now = DateTimeOffset.UtcNow.AddHours(-1);
        await log.StartAsync(CancellationToken.None);
        var written = Enumerable.Range(0, 2500).Select(i => log.WriteAsync(new AuditRecord(now.AddSeconds(i), "key-a", null, "POST /x", $"{i}", 200, "r"), now: false)).ToList();
        await log.StopAsync(CancellationToken.None);
        await Task.WhenAll(written);
        var blobs = await store.ListAsync(AuditRecord.Root).ToListAsync();
        Assert.InRange(blobs.Count, 3, 6);
        var (found, next) = await new AuditReader(store).ReadAsync(new AuditQuery(now, now.AddSeconds(2500)), null, 5000, CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 2500).Select(i => $"{i}"), found.Select(r => r.Object));
        Assert.Null(next);
    }

    private async Task<List<JsonElement>> ReadAsync(string query) =>
        [.. (await gateway.Admin.GetAsync($"/api/v1/audit?limit=1000&{query}").JsonAsync()).GetProperty("data").EnumerateArray()];

    private static string Text(DateTimeOffset time) => Uri.EscapeDataString(time.ToString("O", System.Globalization.CultureInfo.InvariantCulture));
}
