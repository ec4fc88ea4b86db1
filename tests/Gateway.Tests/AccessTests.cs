using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.Versioning;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Who gets in where: every mapped route, for every kind of caller.</summary>
[Collection(GatewayCollection.Name)]
public sealed class AccessTests(GatewayUnderTest gateway)
{
    /// <summary>All that answers without a key. A new entry here is a decision.</summary>
    private static readonly string[] Public =
    [
        "GET /api/v1/jobs/schema", "GET /openapi/{documentName}.json", "GET /livez", "GET /readyz", "GET /healthz", "GET /metrics", "GET /login", "POST /login",
        "GET /assets/{name}", "PUT /api/hub/uploads/{token}", "POST /api/hub/uploads/{token}",
    ];

    private IEnumerable<(string Method, RouteEndpoint Endpoint)> Routes =>
        gateway.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(e => e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Select(m => (m, e)));

    [Fact]
    public void EveryRoute_DeclaresItsAccess()
    {
        var routes = Routes.ToList();
        Assert.True(routes.Count > 40, $"{routes.Count} routes");
        foreach (var (method, endpoint) in routes)
        {
            var open = endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null;
            Assert.True(open == Public.Contains(Name(method, endpoint)), $"{Name(method, endpoint)} is {(open ? "" : "not ")}public");
            Assert.True(open || endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(a => a.Policy is not null), $"{Name(method, endpoint)} declares no access");
        }
    }

    [Fact]
    public async Task EveryApiRoute_LetsInExactlyTheRolesItNames()
    {
        foreach (var (method, endpoint) in Routes.Where(r => IsApi(r.Endpoint)))
        {
            if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null) continue;
            var policy = endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Single().Policy;
            await Expect(gateway.Nobody, method, endpoint, HttpStatusCode.Unauthorized);
            await Expect(gateway.Revoked, method, endpoint, HttpStatusCode.Unauthorized);
            await Expect(gateway.Reader, method, endpoint, policy == Policies.Reader ? null : HttpStatusCode.Forbidden);
            await Expect(gateway.Member, method, endpoint, policy is Policies.Reader or Policies.Member ? null : HttpStatusCode.Forbidden);
            await Expect(gateway.Admin, method, endpoint, null);
        }
    }

    [Fact]
    public async Task EveryPage_SendsAStrangerToSignIn()
    {
        foreach (var (method, endpoint) in Routes.Where(r => r.Endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null && !IsApi(r.Endpoint)))
        {
            // A key in the header is no session: pages carry forms, and only the cookie is bound to their tokens.
            foreach (var client in (HttpClient[])[gateway.Nobody, gateway.Revoked, gateway.Admin])
            {
                using var response = await SendAsync(client, method, endpoint);
                Assert.True(response.StatusCode == HttpStatusCode.Redirect && response.Headers.Location!.ToString().Contains("/login"), $"{Name(method, endpoint)} gave {response.StatusCode}");
            }
        }
    }

    [Fact]
    public async Task Foreigner_SeesNothingOfAnotherOrganisation()
    {
        var dataset = await gateway.Member.AddDatasetAsync("acme-private");
        var model = await gateway.Member.AddModelAsync("acme-private");
        var job = (await gateway.Member.SubmitAsync(Samples.Job("acme-private", "acme-private")).JsonAsync(HttpStatusCode.Created)).Text("id");
        foreach (var path in (string[])[
            $"datasets/{dataset}", "datasets/acme-private", "datasets/acme-private?org=acme", $"datasets/{dataset}/files/rows.jsonl", $"models/{model}", "models/acme-private?org=acme",
            $"models/{model}/files/config.json", $"jobs/{job}", $"jobs/{job}/events", $"jobs/{job}/events/stream", $"jobs/{job}/metrics", $"jobs/{job}/checkpoints", $"jobs/{job}/logs",
            "adapters/acme/tuned", "adapters/acme/tuned/versions/1/files/README.md"])
            await gateway.Stranger.GetAsync("/api/v1/" + path).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var verb in (string[])["cancel", "pause", "resume", "verify-resume"])
            await gateway.Stranger.PostAsync($"/api/v1/jobs/{job}/{verb}", null).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.DeleteAsync($"/api/v1/datasets/{dataset}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.DeleteAsync($"/api/v1/models/{model}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.SubmitAsync(Samples.Job("acme-private", "acme-private")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var stolen in (string[])["acme-private", dataset])
            await gateway.Stranger.SubmitAsync(Samples.Job(model, stolen, "globex/mine")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var list in (string[])["jobs", "datasets", "models", "adapters"])
            Assert.DoesNotContain("acme", (await gateway.Stranger.GetAsync($"/api/v1/{list}").JsonAsync()).GetRawText());
        Assert.Equal(job, (await gateway.Reader.GetAsync($"/api/v1/jobs/{job}").JsonAsync()).Text("id"));
    }

    [Fact]
    public async Task Member_ReadsButDoesNotChangeWhatIsShared()
    {
        await gateway.Admin.AddDatasetAsync("for-all");
        Assert.Equal("shared", (await gateway.Stranger.GetAsync("/api/v1/datasets/for-all").JsonAsync()).Text("org"));
        await gateway.Stranger.DeleteAsync("/api/v1/datasets/for-all").ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.PostAsJsonAsync("/api/v1/datasets", new { name = "mine", org = "shared" }).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.PostAsJsonAsync("/api/v1/datasets", new { name = "mine", org = "acme" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task Key_WorksWithTheHubsPrefix_AndNotWithAnother()
    {
        var rest = gateway.AdminSecret["ftg_".Length..];
        foreach (var (secret, good) in ((string, bool)[])[("hf_" + rest, true), ("ftg_" + rest, true), ("sk_" + rest, false), (rest, false), ("ftg_" + rest[1..], false), ("ftg_", false), ("ftg_" + new string('a', 43), false)])
        {
            using var client = gateway.Client(null);
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
            Assert.Equal(good ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, (await client.GetAsync("/api/v1/jobs")).StatusCode);
        }
        await gateway.Nobody.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
    }

    [Fact]
    public async Task Revocation_TakesEffectAtOnceOnThisGateway()
    {
        var (id, secret) = await gateway.KeyAsync("reader", GatewayUnderTest.Acme);
        using var client = gateway.Client(secret);
        await client.GetAsync("/api/v1/jobs").JsonAsync();
        await gateway.Admin.DeleteAsync($"/api/v1/keys/{id}").JsonAsync();
        await client.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
        var listed = (await gateway.Admin.GetAsync("/api/v1/keys").JsonAsync()).GetRawText();
        Assert.Contains(id, listed);
        Assert.DoesNotContain(secret[4..], listed);
    }

    [Fact]
    public async Task Key_ExpiresByItself()
    {
        var made = await gateway.Admin.PostAsJsonAsync("/api/v1/keys", new { name = "old", org = "acme", role = "reader", expires_at = DateTimeOffset.UtcNow.AddMinutes(-1) }).JsonAsync(HttpStatusCode.Created);
        using var client = gateway.Client(made.Text("secret"));
        await client.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void AdminKey_IsReadableByItsOwnerAlone() =>
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(gateway.Directory, AdminKey.FileName)));

    private static async Task Expect(HttpClient client, string method, RouteEndpoint endpoint, HttpStatusCode? refusal)
    {
        using var response = await SendAsync(client, method, endpoint);
        var refused = response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        Assert.True(refusal is { } status ? response.StatusCode == status : !refused, $"{Name(method, endpoint)} gave {(int)response.StatusCode}, wanted {refusal?.ToString() ?? "to be let in"}");
        Assert.True((int)response.StatusCode < 500 || response.StatusCode == HttpStatusCode.ServiceUnavailable, $"{Name(method, endpoint)} gave {(int)response.StatusCode}");
    }

    /// <summary>Called with a key; all else is for browsers.</summary>
    private static bool IsApi(RouteEndpoint endpoint) =>
        endpoint.RoutePattern.RawText!.StartsWith("/api/", StringComparison.Ordinal) || endpoint.RoutePattern.RawText.StartsWith("/v1/", StringComparison.Ordinal) || endpoint.RoutePattern.RawText is "/tokenize" or "/detokenize" or "/classify"
        || IsHub(endpoint.RoutePattern.RawText);

    /// <summary>Files of repositories lie at the root, as Hub clients ask for them.</summary>
    private static bool IsHub(string route) => route.Contains("/resolve/") || route.Contains("/raw/") || route.Contains(".git/info/lfs/");

    /// <summary>With names that exist nowhere, so that who is let in finds nothing.</summary>
    private static Task<HttpResponseMessage> SendAsync(HttpClient client, string method, RouteEndpoint endpoint)
    {
        var path = string.Concat("/", string.Join('/', endpoint.RoutePattern.PathSegments.Select(s => string.Concat(s.Parts.Select(p => p switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternSeparatorPart separator => separator.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "org" } => "acme",
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { Name: "verb" } => "pause",
            _ => "nothing",
        })))));
        return client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path) { Content = method is "POST" ? HttpAssert.Json("{}") : null });
    }

    private static string Name(string method, RouteEndpoint endpoint) => $"{method} {endpoint.RoutePattern.RawText!.TrimEnd('/')}" is var n && n.EndsWith(' ') ? n + "/" : $"{method} {endpoint.RoutePattern.RawText!.TrimEnd('/')}";
}
