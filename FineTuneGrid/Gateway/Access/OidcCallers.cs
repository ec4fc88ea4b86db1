using System.Security.Claims;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Who stands behind a token that was found valid: by its claims, else by the members that are registered here.</summary>
internal static class OidcCallers
{
    /// <summary>Before the subject, in the place of a key's id.</summary>
    public const string KeyPrefix = "oidc:";

    /// <returns>Null where the token gives no organisation and role, and its subject is nobody's member.</returns>
    public static async ValueTask<Principal?> FindAsync(ClaimsPrincipal token, OidcOptions options, KeyCache cache)
    {
        if (token.FindFirstValue("sub") is not { Length: > 0 } subject) return null;
        return ByClaims(token, subject, options) ?? await cache.FindMemberAsync(subject);
    }

    private static Principal? ByClaims(ClaimsPrincipal token, string subject, OidcOptions options)
    {
        var roles = token.FindAll(options.RoleClaim).Select(c => c.Value).ToHashSet(StringComparer.Ordinal);
        if (options.AdminRole is { } admin && roles.Contains(admin)) return new Principal(KeyPrefix + subject, null, Role.Admin);
        // What all organisations share is for the installation's own admins to fill.
        if (options.OrgClaim is null || token.FindFirstValue(options.OrgClaim) is not { } org || !Names.IsValid(org) || org == Names.SharedOrg) return null;
        Role? role = roles.Contains(options.MemberRole) ? Role.Member : roles.Contains(options.ReaderRole) ? Role.Reader : null;
        return role is { } given ? new Principal(KeyPrefix + subject, org, given) : null;
    }
}
