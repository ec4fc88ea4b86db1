using System.Net;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Problems;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Every mapped route, for every kind of caller: the owner, another tenant, a reader, the holder of a revoked key, nobody.</summary>
[Collection(GatewayCollection.Name)]
public sealed class RouteAccessTests(GatewayUnderTest gateway)
{
    /// <summary>All that answers without a key. A new entry here is a decision.</summary>
    private static readonly string[] Public =
    [
        "GET /api/v1/jobs/schema", "GET /openapi/{documentName}.json", "GET /livez", "GET /readyz", "GET /healthz", "GET /metrics", "GET /login", "POST /login",
        "GET /assets/{name}", "PUT /api/hub/uploads/{token}", "POST /api/hub/uploads/{token}",
    ];

    /// <summary>Named by a path, though no organisation owns it. A new entry here is a decision.</summary>
    private static readonly string[] Nobodys = [];

    private List<MappedRoute> Routes => MappedRoute.All(gateway);

    [Fact]
    public void EveryRoute_DeclaresItsAccess()
    {
        Assert.True(Routes.Count > 40, $"{Routes.Count} routes");
        foreach (var route in Routes)
        {
            Assert.True(route.IsPublic == Public.Contains(route.Name), $"{route.Name} is {(route.IsPublic ? "" : "not ")}public");
            Assert.True(route.IsPublic || route.Policy is not null, $"{route.Name} declares no access, or more than one");
        }
    }

    [Fact]
    public async Task EveryDocumentedRoute_IsOneOfTheseRoutes_AndEveryApiRouteIsDocumented()
    {
        var document = await gateway.Nobody.GetAsync("/openapi/v1.json").JsonAsync();
        var documented = document.GetProperty("paths").EnumerateObject()
            .SelectMany(p => p.Value.EnumerateObject().Select(m => $"{m.Name.ToUpperInvariant()} /{p.Name.Trim('/')}")).Order().ToList();
        var mapped = Routes.Where(r => !r.IsForBrowsers).Select(r => r.Documented).ToHashSet();
        Assert.Equal([], documented.Where(d => !mapped.Contains(d)));
        Assert.Equal([], Routes.Where(r => !r.IsForBrowsers && !r.IsPublic).Select(r => r.Documented).Where(r => !documented.Contains(r)));
    }

    [Fact]
    public async Task EveryApiRoute_LetsInExactlyTheRolesItNames()
    {
        foreach (var route in Routes.Where(r => !r.IsPublic && !r.IsForBrowsers))
        {
            await Expect(gateway.Nobody, route, HttpStatusCode.Unauthorized);
            await Expect(gateway.Revoked, route, HttpStatusCode.Unauthorized);
            await Expect(gateway.Reader, route, route.Policy == Policies.Reader ? null : HttpStatusCode.Forbidden);
            await Expect(gateway.Member, route, route.Policy is Policies.Reader or Policies.Member ? null : HttpStatusCode.Forbidden);
            await Expect(gateway.Admin, route, null);
        }
    }

    [Fact]
    public async Task EveryRouteThatNamesAThing_KnowsItForItsOwner_AndNotForAnotherTenant()
    {
        var things = await TenantThings.MakeAsync(gateway.Member, "owned");
        var routes = Routes.Where(r => !r.IsPublic && r.HasParameters && r.Policy is Policies.Reader or Policies.Member && !Nobodys.Contains(r.Name)).ToList();
        Assert.Equal([], routes.Where(r => things.Of(r) is null).Select(r => r.Name));
        foreach (var route in routes)
        {
            var (there, nowhere) = (await StatusAsync(gateway.Stranger, route, things.Of(route)), await StatusAsync(gateway.Stranger, route, Nowhere(things.Of(route)!)));
            Assert.True((int)there >= 400 && there == nowhere, $"{route.Name}: another tenant has {there}, for what does not exist {nowhere}");
            await Expect(gateway.Nobody, route, HttpStatusCode.Unauthorized, things.Of(route));
            await Expect(gateway.Revoked, route, HttpStatusCode.Unauthorized, things.Of(route));
            await Expect(gateway.Reader, route, route.Policy == Policies.Reader ? null : HttpStatusCode.Forbidden, things.Of(route));
        }
        // What the owner does may take the thing away, so that this comes last, and deletions after all else.
        foreach (var route in routes.OrderBy(r => r.Method == "DELETE"))
        {
            var status = await StatusAsync(gateway.Member, route, things.Of(route));
            Assert.True(status is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden), $"{route.Name} gave the owner {status}");
            Assert.True(!route.Reads || route.Template.Contains("/exports/") || (int)status < 300, $"{route.Name} gave the owner {status}");
        }
    }

    [Fact]
    public async Task EveryPage_SendsAStrangerToSignIn()
    {
        foreach (var route in Routes.Where(r => r.IsForBrowsers))
        {
            // A key in the header is no session: pages carry forms, and only the cookie is bound to their tokens.
            foreach (var client in (HttpClient[])[gateway.Nobody, gateway.Revoked, gateway.Admin])
            {
                using var response = await route.SendAsync(client);
                Assert.True(response.StatusCode == HttpStatusCode.Redirect && response.Headers.Location!.ToString().Contains("/login"), $"{route.Name} gave {response.StatusCode}");
            }
        }
    }

    [Fact]
    public async Task EveryRefusal_HasTheFormOfItsRoute()
    {
        foreach (var route in Routes.Where(r => !r.IsPublic && !r.IsForBrowsers))
        {
            var form = route.Endpoint.Metadata.GetMetadata<ErrorShape>()?.Form ?? ErrorForm.Problem;
            Assert.True(form == ErrorForm.OpenAi == route.Template.StartsWith("/v1/", StringComparison.Ordinal), $"{route.Name} has errors as {form}");
            using var refusal = await route.SendAsync(gateway.Nobody);
            Assert.Equal((form == ErrorForm.Problem ? "application/problem+json" : "application/json", form == ErrorForm.Hub),
                (refusal.Content.Headers.ContentType?.MediaType, refusal.Headers.Contains("X-Error-Message")));
        }
    }

    [Theory]
    [InlineData("/v1/nothing", "application/json", false)]
    [InlineData("/api/models/acme/nothing/nothing", "application/json", true)]
    [InlineData("/api/v1/nothing", "application/problem+json", false)]
    public async Task UnknownAddress_BelowAClientsRoot_IsRefusedInItsForm(string path, string type, bool hub)
    {
        using var refusal = await gateway.Reader.GetAsync(path);
        Assert.Equal((HttpStatusCode.NotFound, type, hub), (refusal.StatusCode, refusal.Content.Headers.ContentType?.MediaType, refusal.Headers.Contains("X-Error-Message")));
    }

    /// <summary>The same request about a thing that does not exist.</summary>
    private static Dictionary<string, string> Nowhere(IReadOnlyDictionary<string, string> values) =>
        values.ToDictionary(v => v.Key, v => v.Key is "id" or "name" or "org" or "checkpoint" ? "nowhere" : v.Value);

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, MappedRoute route, IReadOnlyDictionary<string, string>? values)
    {
        using var response = await route.SendAsync(client, values);
        Assert.True((int)response.StatusCode < 500 || response.StatusCode == HttpStatusCode.ServiceUnavailable, $"{route.Name} gave {(int)response.StatusCode}");
        return response.StatusCode;
    }

    private static async Task Expect(HttpClient client, MappedRoute route, HttpStatusCode? refusal, IReadOnlyDictionary<string, string>? values = null)
    {
        var given = await StatusAsync(client, route, values);
        var refused = given is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
        Assert.True(refusal is { } status ? given == status : !refused, $"{route.Name} gave {(int)given}, wanted {refusal?.ToString() ?? "to be let in"}");
    }
}
