using System.Globalization;
using FineTuneGrid.Gateway.Access;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>Whom the front door lets in beside holders of keys, and how often.</summary>
internal sealed record FrontDoorSettings(RequestLimit? Limit, OidcOptions? Oidc)
{
    private const int Most = 1_000_000;
    private static readonly string[] OidcKeys =
        [SettingKeys.OidcAudience, SettingKeys.OidcOrgClaim, SettingKeys.OidcRoleClaim, SettingKeys.OidcAdmins, SettingKeys.OidcMembers, SettingKeys.OidcReaders];

    /// <exception cref="Contracts.GridException">A value is not possible, or one is missing beside others.</exception>
    public static FrontDoorSettings Read(IConfiguration section) => new(LimitOf(section), OidcOf(section));

    private static RequestLimit? LimitOf(IConfiguration section)
    {
        var burst = Number(section, SettingKeys.RequestBurst);
        if (Number(section, SettingKeys.RequestsPerSecond) is { } perSecond) return new RequestLimit(perSecond, burst ?? perSecond);
        return burst is null ? null : throw SettingKeys.Bad(SettingKeys.RequestBurst, $"means nothing without {SettingKeys.Variable(SettingKeys.RequestsPerSecond)}");
    }

    private static int? Number(IConfiguration section, string key)
    {
        if (SettingKeys.Text(section, key) is not { } text) return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= Most
            ? number
            : throw SettingKeys.Bad(key, $"must be a whole number from 1 to {Most}, not '{text}'");
    }

    private static OidcOptions? OidcOf(IConfiguration section)
    {
        if (SettingKeys.Text(section, SettingKeys.OidcIssuer) is not { } address)
        {
            return OidcKeys.FirstOrDefault(k => SettingKeys.Text(section, k) is not null) is { } alone
                ? throw SettingKeys.Bad(alone, $"means nothing without {SettingKeys.Variable(SettingKeys.OidcIssuer)}") : null;
        }
        if (!Uri.TryCreate(address, UriKind.Absolute, out var issuer) || !(issuer.Scheme == Uri.UriSchemeHttps || (issuer.Scheme == Uri.UriSchemeHttp && issuer.IsLoopback)))
            throw SettingKeys.Bad(SettingKeys.OidcIssuer, $"must be the provider's https address, not '{address}'");
        var audience = SettingKeys.Text(section, SettingKeys.OidcAudience) ?? throw SettingKeys.Bad(SettingKeys.OidcAudience, "must be set too: what tokens for this installation have as aud");
        var stock = new OidcOptions(issuer, audience);
        return stock with
        {
            OrgClaim = SettingKeys.Text(section, SettingKeys.OidcOrgClaim), AdminRole = SettingKeys.Text(section, SettingKeys.OidcAdmins),
            RoleClaim = SettingKeys.Text(section, SettingKeys.OidcRoleClaim) ?? stock.RoleClaim, MemberRole = SettingKeys.Text(section, SettingKeys.OidcMembers) ?? stock.MemberRole,
            ReaderRole = SettingKeys.Text(section, SettingKeys.OidcReaders) ?? stock.ReaderRole,
        };
    }
}
