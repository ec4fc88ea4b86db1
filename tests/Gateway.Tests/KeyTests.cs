using System.Net;
using System.Net.Http.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>What a key may be limited to, when it was used, and how soon its end is known everywhere.</summary>
[Collection(GatewayCollection.Name)]
public sealed class KeyTests(GatewayUnderTest gateway)
{
    private IGrainFactory Grains => gateway.App.Services.GetRequiredService<IGrainFactory>();

    [Theory]
    [InlineData("registry:read", "GET /api/v1/models", "GET /api/whoami-v2")]
    [InlineData("registry:write", "GET /api/v1/models", "POST /api/v1/models", "GET /api/whoami-v2")]
    [InlineData("jobs:read", "GET /api/v1/jobs")]
    [InlineData("jobs:write", "GET /api/v1/jobs", "POST /api/v1/jobs")]
    [InlineData("inference", "POST /v1/completions", "POST /tokenize")]
    public async Task Scope_OpensItsOwnRoutesAlone(string scope, params string[] open)
    {
        using var client = gateway.Client((await MakeAsync(scope)).Text("secret"));
        foreach (var route in (string[])["GET /api/v1/models", "POST /api/v1/models", "GET /api/whoami-v2", "GET /api/v1/jobs", "POST /api/v1/jobs", "POST /v1/completions", "POST /tokenize", "GET /api/v1/orgs", "GET /api/v1/nodes"])
        {
            var (method, path) = (route.Split(' ')[0], route.Split(' ')[1]);
            using var response = await client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path) { Content = method == "POST" ? HttpAssert.Json("{}") : null });
            Assert.True(open.Contains(route) == (response.StatusCode != HttpStatusCode.Forbidden), $"a key for {scope} had {(int)response.StatusCode} of {route}");
        }
    }

    [Fact]
    public async Task Scopes_AreWithinTheRole_AndListed()
    {
        var made = await gateway.Admin.PostAsJsonAsync("/api/v1/keys", new { name = "narrow", org = "acme", role = "reader", scopes = (string[])["jobs:write", "jobs:write"] }).JsonAsync(HttpStatusCode.Created);
        using var client = gateway.Client(made.Text("secret"));
        await client.GetAsync("/api/v1/jobs").JsonAsync();
        await client.SubmitAsync("{}").ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        var listed = (await ListedAsync(made.GetProperty("key").Text("id"))).GetProperty("scopes");
        Assert.Equal(["jobs:write"], listed.EnumerateArray().Select(s => s.GetString()));
    }

    [Theory]
    [InlineData("""{"name":"a","org":"acme","role":"member","scopes":["jobs"]}""")]
    [InlineData("""{"name":"a","org":"acme","role":"member","scopes":[]}""")]
    public async Task Scope_ThatIsNone_IsRefused(string body) =>
        Assert.Equal("scopes", (await gateway.Admin.PostAsync("/api/v1/keys", HttpAssert.Json(body)).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)).Text("field"));

    [Fact]
    public async Task Key_WithScopes_OpensNoPages()
    {
        var hash = gateway.App.Services.GetRequiredService<ApiKeys>().Hash((await MakeAsync("jobs:read")).Text("secret"))!;
        using var entered = await gateway.Nobody.GetAsync(gateway.App.Services.GetRequiredService<SignInLinks>().Create(hash));
        Assert.Equal(HttpStatusCode.Unauthorized, entered.StatusCode);
    }

    [Fact]
    public async Task LastUse_IsNoted_ToWithinMinutes()
    {
        var made = await MakeAsync("jobs:read");
        var (id, hash) = (made.GetProperty("key").Text("id"), gateway.App.Services.GetRequiredService<ApiKeys>().Hash(made.Text("secret"))!);
        Assert.False((await ListedAsync(id)).TryGetProperty("last_used_at", out _));
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var cache = new KeyCache(Grains, new GatewayOptions { Secrets = null! }, time);
        var first = time.Now;
        foreach (var (minutes, noted) in ((double, double)[])[(0, 0), (4, 0), (6, 6)])
        {
            time.Now = first.AddMinutes(minutes);
            await cache.FindAsync(hash);
            await Grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).NoteUses(cache.TakeUses());
            Assert.Equal(first.AddMinutes(noted), (await ListedAsync(id)).GetProperty("last_used_at").GetDateTimeOffset());
        }
        Assert.Empty(cache.TakeUses());
    }

    /// <summary>Two gateways of one grid: the one that revoked, and another.</summary>
    [Fact]
    public async Task Revocation_IsKnownToOtherGateways_WithinTheLifeOfTheirAnswers()
    {
        var made = await MakeAsync("jobs:read");
        var (id, hash) = (made.GetProperty("key").Text("id"), gateway.App.Services.GetRequiredService<ApiKeys>().Hash(made.Text("secret"))!);
        var options = new GatewayOptions { Secrets = null! };
        Assert.True(options.KeyCacheTime <= TimeSpan.FromSeconds(60) && options.KeyOutageTime <= TimeSpan.FromSeconds(60));
        var time = new ManualTime(DateTimeOffset.UtcNow);
        var (here, there) = (new KeyCache(Grains, options, time), new KeyCache(Grains, options, time));
        Assert.NotNull(await here.FindAsync(hash));
        Assert.NotNull(await there.FindAsync(hash));
        await Grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Revoke(id);
        here.Clear();
        Assert.Null(await here.FindAsync(hash));
        time.Now += options.KeyCacheTime - TimeSpan.FromTicks(1);
        Assert.NotNull(await there.FindAsync(hash));
        time.Now += TimeSpan.FromTicks(1);
        Assert.Null(await there.FindAsync(hash));
    }

    private Task<System.Text.Json.JsonElement> MakeAsync(string scope) =>
        gateway.Admin.PostAsJsonAsync("/api/v1/keys", new { name = scope, org = "acme", role = "member", scopes = (string[])[scope] }).JsonAsync(HttpStatusCode.Created);

    private async Task<System.Text.Json.JsonElement> ListedAsync(string id) =>
        (await gateway.Admin.GetAsync("/api/v1/keys?limit=1000").JsonAsync()).GetProperty("data").EnumerateArray().Single(k => k.Text("id") == id);
}
