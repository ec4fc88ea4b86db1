using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Gateway;

/// <summary>What the front door needs to know of its host.</summary>
public sealed class GatewayOptions
{
    public required GatewaySecrets Secrets { get; set; }

    /// <summary>Server-side folders from which models and data sets may be imported by path. Default: none.</summary>
    public IReadOnlyList<string> ImportRoots { get; set; } = [];

    /// <summary>Which licences of base and data may go together. Default: all.</summary>
    public LicensePolicy Licenses { get; set; } = LicensePolicy.AllowAll;

    /// <summary>Longest single file, in bytes. Default: 64 GiB.</summary>
    public long MaxFileBytes { get; set; } = 64L << 30;

    /// <summary>Longest file that comes by OpenAI's <c>/v1/files</c>, in bytes. Default: 512 MiB.</summary>
    public long MaxOpenAiFileBytes { get; set; } = 512L << 20;

    /// <summary>Longest file that comes in parts, by OpenAI's <c>/v1/uploads</c>, in bytes. Default: 8 GiB.</summary>
    public long MaxOpenAiUploadBytes { get; set; } = 8L << 30;

    /// <summary>Hosts that webhooks may go to although they are private or have no TLS. Default: none.</summary>
    public IReadOnlyList<string> WebhookHosts { get; set; } = [];

    /// <summary>How often webhooks that are due are looked for. Default: 5 s.</summary>
    public TimeSpan WebhookPoll { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a key's answer is reused; revocation takes effect within this time. Default: 15 s.</summary>
    public TimeSpan KeyCacheTime { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The same while the directory of keys does not answer. Default: 60 s.</summary>
    public TimeSpan KeyOutageTime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>What an organisation may ask of one gateway; null for no limit, which is the default.</summary>
    public RequestLimit? RequestLimit { get; set; }

    /// <summary>Whose tokens are taken beside keys; null for nobody's, which is the default.</summary>
    public OidcOptions? Oidc { get; set; }
}
