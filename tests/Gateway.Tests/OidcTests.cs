using System.Net;
using System.Net.Http.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Tokens of an identity provider, which is a small one on this machine with a key of its own.</summary>
public sealed class OidcTests : IAsyncLifetime
{
    private const string Audience = "https://grid.example";

    private readonly TokenIssuer _issuer = new();
    private GatewayUnderTest _gateway = null!;

    public async Task InitializeAsync()
    {
        await _issuer.StartAsync();
        _gateway = new GatewayUnderTest
        {
            Configure = options => options.Oidc = new OidcOptions(_issuer.Address, Audience, OrgClaim: "team", RoleClaim: "roles", AdminRole: "grid-admin", MemberRole: "tuner", ReaderRole: "viewer"),
        };
        await _gateway.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task Claims_GiveOrganisationAndRole_AndKeysGoOnWorking()
    {
        await _gateway.Member.AddDatasetAsync("of-acme");
        using var tuner = Client(new { sub = "ann", team = "acme", roles = (string[])["other", "tuner"] });
        await tuner.GetAsync("/api/v1/datasets/of-acme").JsonAsync();
        await tuner.PostAsJsonAsync("/api/v1/datasets", new { name = "of-ann" }).JsonAsync(HttpStatusCode.Created);
        Assert.Equal("oidc:ann", (await tuner.GetAsync("/api/whoami-v2").JsonAsync()).Text("id"));

        using var viewer = Client(new { sub = "bob", team = "acme", roles = "viewer" });
        await viewer.GetAsync("/api/v1/datasets/of-ann").JsonAsync();
        await viewer.DeleteAsync("/api/v1/datasets/of-ann").ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);

        using var other = Client(new { sub = "eve", team = "globex", roles = "tuner" });
        await other.GetAsync("/api/v1/datasets/of-acme").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);

        using var admin = Client(new { sub = "root", roles = "grid-admin" });
        var line = (await admin.GetAsync("/api/v1/audit?key=oidc:ann").JsonAsync()).GetProperty("data")[0];
        Assert.Equal(("oidc:ann", "acme", "data set of-ann of acme"), (line.Text("key"), line.Text("org"), line.Text("object")));
        await _gateway.Member.GetAsync("/api/v1/datasets/of-ann").JsonAsync();
    }

    [Fact]
    public async Task Subject_WithoutClaims_IsWhatItIsAMemberOf_UntilItIsNot()
    {
        using var carol = Client(new { sub = "carol" });
        await carol.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
        var member = await _gateway.Admin.PutAsJsonAsync("/api/v1/orgs/acme/members/carol", new { role = "reader" }).JsonAsync();
        Assert.Equal(("carol", "acme", "reader"), (member.Text("subject"), member.Text("org"), member.Text("role")));
        await carol.GetAsync("/api/v1/jobs").JsonAsync();
        await carol.PostAsJsonAsync("/api/v1/datasets", new { name = "of-carol" }).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await _gateway.Admin.PutAsJsonAsync("/api/v1/orgs/acme/members/carol", new { role = "member" }).JsonAsync();
        await carol.PostAsJsonAsync("/api/v1/datasets", new { name = "of-carol" }).JsonAsync(HttpStatusCode.Created);

        await _gateway.Admin.PutAsJsonAsync("/api/v1/orgs/globex/members/carol", new { role = "member" }).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);
        await _gateway.Admin.PutAsJsonAsync("/api/v1/orgs/acme/members/dave", new { role = "admin" }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        Assert.Equal("carol", Assert.Single((await _gateway.Reader.GetAsync("/api/v1/orgs/acme/members").JsonAsync()).GetProperty("data").EnumerateArray()).Text("subject"));
        await _gateway.Stranger.GetAsync("/api/v1/orgs/acme/members").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);

        Assert.Equal(HttpStatusCode.NoContent, (await _gateway.Admin.DeleteAsync("/api/v1/orgs/acme/members/carol")).StatusCode);
        await carol.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
        await _gateway.Admin.DeleteAsync("/api/v1/orgs/acme/members/carol").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task Token_ThatIsNotWhatItShouldBe_IsRefused()
    {
        var good = new Dictionary<string, object> { ["sub"] = "ann", ["team"] = "acme", ["roles"] = "tuner" };
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_issuer.Token(Audience, good)));
        await using var other = new TokenIssuer();
        await other.StartAsync();
        var now = DateTimeOffset.UtcNow;
        foreach (var (what, token) in ((string, string)[])
        [
            ("another's signature", other.Token(Audience, good, issuer: _issuer.Address)), ("another issuer", other.Token(Audience, good)), ("another audience", _issuer.Token("https://other.example", good)),
            ("over", _issuer.Token(Audience, good, expires: now.AddMinutes(-5))), ("not yet", _issuer.Token(Audience, good, begins: now.AddMinutes(5), expires: now.AddMinutes(9))),
            ("without an end", _issuer.Token(Audience, good, expires: null)), ("unsigned", _issuer.Token(Audience, good, algorithm: "none")),
            ("signed with the public key as a secret", _issuer.Token(Audience, good, algorithm: "HS256")), ("a changed byte", Changed(_issuer.Token(Audience, good))),
            ("no role", _issuer.Token(Audience, new() { ["sub"] = "ann", ["team"] = "acme" })), ("what all share", _issuer.Token(Audience, new() { ["sub"] = "ann", ["team"] = "shared", ["roles"] = "tuner" })),
            ("no name", _issuer.Token(Audience, new() { ["sub"] = "ann", ["team"] = "../acme", ["roles"] = "tuner" })), ("nobody", _issuer.Token(Audience, new() { ["team"] = "acme", ["roles"] = "tuner" })), ("no token", "a.b.c"),
        ])
            Assert.True(await StatusAsync(token) == HttpStatusCode.Unauthorized, $"a token was let in: {what}");
    }

    /// <summary>Where the signature's last character but one is another.</summary>
    private static string Changed(string token) => token[..^2] + (token[^2] == 'A' ? 'B' : 'A') + token[^1];

    private HttpClient Client(object claims) => _gateway.Client(_issuer.Token(Audience, claims.GetType().GetProperties().ToDictionary(p => p.Name, p => p.GetValue(claims)!)));

    private async Task<HttpStatusCode> StatusAsync(string token)
    {
        using var client = _gateway.Client(token);
        using var response = await client.GetAsync("/api/v1/jobs");
        return response.StatusCode;
    }
}
