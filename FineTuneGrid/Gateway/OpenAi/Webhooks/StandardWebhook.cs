using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace FineTuneGrid.Gateway.OpenAi.Webhooks;

/// <summary>
/// The Standard Webhooks scheme (standardwebhooks.com, specification 1.0): a message is signed with HMAC-SHA256 over its id, the
/// time of sending and the body, so that a receiver knows its sender, refuses old ones and notices repetitions.
/// </summary>
public static class StandardWebhook
{
    public const string IdHeader = "webhook-id";
    public const string TimestampHeader = "webhook-timestamp";
    public const string SignatureHeader = "webhook-signature";

    private const string SecretPrefix = "whsec_";
    private const int SecretBytes = 32;

    /// <summary>Waits after the first failure, the second and so on: what the specification proposes. After the last it is given up.</summary>
    private static readonly TimeSpan[] Waits =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(5), TimeSpan.FromHours(10),
        TimeSpan.FromHours(14), TimeSpan.FromHours(20), TimeSpan.FromHours(24),
    ];

    /// <summary>A new secret, as receivers are given it.</summary>
    public static string NewSecret() => SecretPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>The value of the signature's header.</summary>
    /// <param name="secret">As <see cref="NewSecret"/> makes it.</param>
    public static string Sign(string secret, string id, DateTimeOffset sentAt, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Convert.FromBase64String(secret[SecretPrefix.Length..]));
        hmac.AppendData(Encoding.UTF8.GetBytes($"{id}.{Timestamp(sentAt)}."));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }

    /// <summary>Seconds since 1970, as the header has them.</summary>
    public static string Timestamp(DateTimeOffset sentAt) => sentAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    /// <summary>How long to wait after that many failures; null where it is given up.</summary>
    public static TimeSpan? WaitAfter(int failures) => failures <= Waits.Length ? Waits[failures - 1] : null;
}
