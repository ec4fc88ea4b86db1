namespace FineTuneGrid.Gateway.Access;

/// <summary>The identity provider whose tokens are taken beside keys (OpenID Connect; JWT by RFC 7519).</summary>
/// <param name="Issuer">Its address: the tokens' <c>iss</c>, below which it says how its keys are found.</param>
/// <param name="Audience">What tokens for this installation have as <c>aud</c>.</param>
/// <param name="OrgClaim">Names the caller's organisation; null, or absent from a token: its members are registered here.</param>
/// <param name="RoleClaim">Holds one role or several.</param>
/// <param name="AdminRole">Makes an admin of the installation; null for none.</param>
/// <param name="MemberRole">With an organisation, makes one who may write to it.</param>
/// <param name="ReaderRole">With an organisation, makes one who may read.</param>
public sealed record OidcOptions(
    Uri Issuer, string Audience, string? OrgClaim = null, string RoleClaim = "role", string? AdminRole = null, string MemberRole = "member", string ReaderRole = "reader");
