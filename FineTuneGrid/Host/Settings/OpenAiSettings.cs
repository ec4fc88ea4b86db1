using System.Globalization;
using FineTuneGrid.Gateway;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>What OpenAI's clients may send, and where they may be told.</summary>
/// <param name="MaxFileBytes">Longest file in one request; null for the gateway's own limit.</param>
/// <param name="MaxUploadBytes">Longest file in parts; null for the gateway's own limit.</param>
/// <param name="WebhookHosts">Hosts inside that webhooks may go to.</param>
internal sealed record OpenAiSettings(long? MaxFileBytes, long? MaxUploadBytes, IReadOnlyList<string> WebhookHosts)
{
    private const long Most = 1L << 40;

    /// <exception cref="Contracts.GridException">A value is no number of bytes.</exception>
    public static OpenAiSettings Read(IConfiguration section) => new(Bytes(section, SettingKeys.OpenAiFileBytes), Bytes(section, SettingKeys.OpenAiUploadBytes),
        (SettingKeys.Text(section, SettingKeys.WebhookHosts) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    public void Apply(GatewayOptions options)
    {
        options.MaxOpenAiFileBytes = MaxFileBytes ?? options.MaxOpenAiFileBytes;
        options.MaxOpenAiUploadBytes = MaxUploadBytes ?? options.MaxOpenAiUploadBytes;
        options.WebhookHosts = WebhookHosts;
    }

    private static long? Bytes(IConfiguration section, string key)
    {
        if (SettingKeys.Text(section, key) is not { } text) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes is >= 1 and <= Most
            ? bytes
            : throw SettingKeys.Bad(key, $"must be a whole number of bytes from 1 to {Most}, not '{text}'");
    }
}
