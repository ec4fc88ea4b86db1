using System.Net;
using System.Text.Json;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Cluster;

/// <summary><c>ftg cluster members</c>, and the secrets that silos share.</summary>
[Collection(TwoSilos.Name)]
public sealed class MemberTests(TwoSilos cluster)
{
    [Fact]
    public async Task Members_OfEitherSilo_AreBoth()
    {
        foreach (var silo in (GridProcess[])[cluster.A, cluster.B])
        {
            var active = await TwoSilos.ActiveAsync(silo);
            Assert.Equal(2, active.Count);
            Assert.Single(active, m => m.GetProperty("self").GetBoolean());
            Assert.All(active, m => Assert.False(m.GetProperty("stale").GetBoolean()));
        }
    }

    [Fact]
    public async Task Evict_OfWhatMayNotGo_IsRefused()
    {
        var active = await TwoSilos.ActiveAsync(cluster.A);
        var (self, other) = (Address(active.Single(IsSelf)), Address(active.Single(m => !IsSelf(m))));
        foreach (var (address, status, says) in new[]
        {
            (self, HttpStatusCode.Conflict, "is the silo that answers"), (other, HttpStatusCode.Conflict, "that it is alive"),
            ("10.1.2.3:4@5", HttpStatusCode.NotFound, "There is no silo"), ("nonsense", HttpStatusCode.UnprocessableEntity, "is not the address of a silo"),
        })
        {
            var answer = await cluster.A.SendAsync(HttpMethod.Delete, $"/api/v1/cluster/members/{Uri.EscapeDataString(address)}");
            Assert.Equal(status, answer.Status);
            Assert.Contains(says, answer["detail"], StringComparison.Ordinal);
        }
        Assert.Equal(2, (await TwoSilos.ActiveAsync(cluster.A)).Count);
    }

    [Fact]
    public async Task Evict_OfAKilledSilo_TakesEffectAtOnce()
    {
        var victim = Address((await TwoSilos.ActiveAsync(cluster.A)).Single(IsSelf));
        // A gateway that has just seen a key knows it while the directory of keys is away.
        Assert.Equal(2, (await TwoSilos.ActiveAsync(cluster.B)).Count);
        await TwoSilos.KillAsync(cluster.A);
        var said = await FtgAsync(cluster.B, "cluster", "members", "--evict", victim, "--force", "--json");
        Assert.Equal((victim, "dead"), (said.GetProperty("address").GetString(), said.GetProperty("status").GetString()));
        var members = await FtgAsync(cluster.B, "cluster", "members", "--json");
        Assert.Equal("dead", members.EnumerateArray().Single(m => Address(m) == victim).GetProperty("status").GetString());
        await cluster.A.LaunchAsync();
        Assert.Equal(2, (await TwoSilos.ActiveAsync(cluster.A)).Count);
    }

    [Fact]
    public async Task KeysAndSignInLinks_MadeAtOneGateway_WorkAtTheOther()
    {
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(cluster.A.Data, "admin.key")), await File.ReadAllTextAsync(Path.Combine(cluster.B.Data, "admin.key")));
        var made = (await cluster.A.PostAsync("/api/v1/keys", """{"name":"both","org":"team","role":"reader"}""")).Ok();
        using var reader = Browser(cluster.B);
        reader.DefaultRequestHeaders.Authorization = new("Bearer", made["secret"]);
        using (var jobs = await reader.GetAsync("/api/v1/jobs")) Assert.Equal(HttpStatusCode.OK, jobs.StatusCode);

        var link = new Uri(cluster.A.Lines.Last(l => l.StartsWith("sign in once: ", StringComparison.Ordinal))["sign in once: ".Length..]).PathAndQuery;
        string session;
        using (var browser = Browser(cluster.B))
        {
            using var entered = await browser.GetAsync(link);
            Assert.Equal("/", entered.Headers.Location?.ToString());
            session = string.Join("; ", entered.Headers.GetValues("Set-Cookie").Select(c => c.Split(';')[0]));
        }
        using (var browser = Browser(cluster.A))
        {
            browser.DefaultRequestHeaders.Add("Cookie", session);
            using (var page = await browser.GetAsync("/models")) Assert.Equal(HttpStatusCode.OK, page.StatusCode);
            using var again = await browser.GetAsync(link);
            Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
        }
    }

    private static HttpClient Browser(GridProcess silo) => new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = silo.Http.BaseAddress };

    private static async Task<JsonElement> FtgAsync(GridProcess silo, params string[] arguments)
    {
        var shell = $"FTG_URL={silo.Address} FTG_API_KEY={(await File.ReadAllTextAsync(Path.Combine(silo.Data, "admin.key"))).Trim()} exec dotnet {Programs.Cli} {string.Join(' ', arguments)}";
        return JsonDocument.Parse(await Shell.RunAsync(silo.Data, "/bin/sh", "-c", shell)).RootElement;
    }

    private static string Address(JsonElement member) => member.GetProperty("address").GetString()!;

    private static bool IsSelf(JsonElement member) => member.GetProperty("self").GetBoolean();
}
