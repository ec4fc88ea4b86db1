using System.Security.Claims;
using System.Text.Encodings.Web;
using FineTuneGrid.Contracts.Access;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FineTuneGrid.Gateway.Access;

/// <summary><c>Authorization: Bearer ftg_...</c></summary>
public sealed class KeyAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ApiKeys keys, KeyCache cache)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "key";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return AuthenticateResult.NoResult();
        if (keys.Hash(header["Bearer ".Length..].Trim()) is not { } hash || await cache.FindAsync(hash) is not { } principal)
            return AuthenticateResult.Fail("unknown, expired or revoked key");
        return AuthenticateResult.Success(new AuthenticationTicket(CallerIdentity.Create(principal, hash, SchemeName), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        Response.Headers.WWWAuthenticate = "Bearer realm=\"FineTuneGrid\"";
        return Task.CompletedTask;
    }
}

/// <summary>A <see cref="Principal"/> as claims, and back.</summary>
public static class CallerIdentity
{
    public const string HashClaim = "ftg:hash";
    private const string OrgClaim = "ftg:org";
    private const string ScopeClaim = "ftg:scope";

    /// <param name="hash">Of the key; null where there is none.</param>
    public static ClaimsPrincipal Create(Principal principal, string? hash, string scheme)
    {
        var identity = new ClaimsIdentity(scheme);
        identity.AddClaim(new Claim(ClaimTypes.NameIdentifier, principal.KeyId));
        identity.AddClaim(new Claim(ClaimTypes.Role, principal.Role.ToString()));
        if (hash is not null) identity.AddClaim(new Claim(HashClaim, hash));
        if (principal.Org is { } org) identity.AddClaim(new Claim(OrgClaim, org));
        identity.AddClaims((principal.Scopes ?? []).Select(s => new Claim(ScopeClaim, s)));
        return new ClaimsPrincipal(identity);
    }

    /// <summary>The caller of an authorised request.</summary>
    public static Principal Caller(this HttpContext context) => new(
        context.User.FindFirstValue(ClaimTypes.NameIdentifier) ?? throw new InvalidOperationException("the route has no access policy"),
        context.User.FindFirstValue(OrgClaim),
        Enum.Parse<Role>(context.User.FindFirstValue(ClaimTypes.Role)!),
        Scopes(context.User));

    /// <summary>What the caller's key is limited to; null for no limit.</summary>
    public static IReadOnlyList<string>? Scopes(ClaimsPrincipal user) => user.FindAll(ScopeClaim).Select(c => c.Value).ToArray() is { Length: > 0 } scopes ? scopes : null;
}
