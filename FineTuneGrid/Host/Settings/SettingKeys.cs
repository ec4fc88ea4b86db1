using FineTuneGrid.Contracts;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>The keys below <c>FTG</c> that an installation may set.</summary>
internal static class SettingKeys
{
    public const string AzureBlob = "Storage:AzureBlob";
    public const string Container = "Storage:Container";
    public const string Folder = "Storage:Folder";
    public const string Redis = "Clustering:Redis";
    public const string ServiceId = "Clustering:ServiceId";
    public const string ClusterId = "Clustering:ClusterId";
    public const string SiloPort = "Clustering:SiloPort";
    public const string GatewayPort = "Clustering:GatewayPort";
    public const string Advertise = "Clustering:Advertise";
    public const string Secrets = "Clustering:Secrets";
    public const string TlsCertificate = "Tls:Certificate";
    public const string TlsKey = "Tls:Key";
    public const string TlsAuthority = "Tls:Authority";
    public const string UploadDays = "Retention:UploadDays";
    public const string UnreferencedDays = "Retention:UnreferencedDays";
    public const string CheckpointHours = "Retention:CheckpointHours";
    public const string OpenAiFileBytes = "OpenAi:MaxFileBytes";
    public const string OpenAiUploadBytes = "OpenAi:MaxUploadBytes";
    public const string AuditDays = "Retention:AuditDays";
    public const string RequestsPerSecond = "Limits:RequestsPerSecond";
    public const string RequestBurst = "Limits:RequestBurst";
    public const string OidcIssuer = "Oidc:Issuer";
    public const string OidcAudience = "Oidc:Audience";
    public const string OidcOrgClaim = "Oidc:OrgClaim";
    public const string OidcRoleClaim = "Oidc:RoleClaim";
    public const string OidcAdmins = "Oidc:AdminRole";
    public const string OidcMembers = "Oidc:MemberRole";
    public const string OidcReaders = "Oidc:ReaderRole";
    public const string WebhookHosts = "OpenAi:WebhookHosts";

    public const string LicensePolicy = "Licenses:Policy";

    /// <summary>Names a folder with a file for each setting that is not to be in the environment.</summary>
    public const string FilesVariable = "FTG_SETTINGS_DIR";

    public static readonly string[] All =
    [
        AzureBlob, Container, Folder, Redis, ServiceId, ClusterId, SiloPort, GatewayPort, Advertise, Secrets, TlsCertificate, TlsKey, TlsAuthority,
        UploadDays, UnreferencedDays, CheckpointHours, OpenAiFileBytes, OpenAiUploadBytes, WebhookHosts, LicensePolicy, AuditDays, RequestsPerSecond, RequestBurst,
        OidcIssuer, OidcAudience, OidcOrgClaim, OidcRoleClaim, OidcAdmins, OidcMembers, OidcReaders,
    ];

    /// <summary>The environment variable of a key.</summary>
    public static string Variable(string key) => "FTG__" + key.Replace(":", "__", StringComparison.Ordinal);

    public static string? Text(IConfiguration section, string key) => section[key] is { Length: > 0 } text ? text : null;

    public static GridException Bad(string key, string what, Exception? inner = null) =>
        new(ErrorCodes.InvalidValue, $"The setting {Variable(key)} {what}.", Variable(key), inner: inner);
}
