using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Storage;
using Microsoft.AspNetCore.DataProtection;

namespace FineTuneGrid.Gateway.Access;

/// <summary>
/// One-time links that sign a browser in as the holder of a key. Valid for a quarter of an hour, once, at every gateway of the
/// grid: the link carries what it stands for, and its use is a blob that can be written once.
/// </summary>
public sealed class SignInLinks(IBlobStore store, IDataProtectionProvider protection, TimeProvider time)
{
    private const string Used = "signin/";
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private readonly IDataProtector _protector = protection.CreateProtector("FineTuneGrid.SignInLink");

    /// <returns>Path and query of the link.</returns>
    public string Create(string keyHash)
    {
        var until = (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return $"/login?token={_protector.Protect($"{until} {keyHash}")}";
    }

    /// <summary>The key's hash, the first time; null afterwards.</summary>
    public async Task<string?> RedeemAsync(string token, CancellationToken ct = default)
    {
        if (Open(token) is not var (until, hash) || until <= time.GetUtcNow()) return null;
        var day = Day(until);
        try
        {
            await store.WriteBytesAsync($"{Used}{day}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)))}", default, WriteCondition.IfAbsent, ct);
        }
        catch (BlobConflictException)
        {
            return null;
        }
        await SweepAsync(ct);
        return hash;
    }

    private (DateTimeOffset Until, string Hash)? Open(string token)
    {
        try
        {
            var parts = _protector.Unprotect(token).Split(' ');
            return (DateTimeOffset.FromUnixTimeSeconds(long.Parse(parts[0], CultureInfo.InvariantCulture)), parts[1]);
        }
        catch (CryptographicException)
        {
            return null; // No link of this grid.
        }
    }

    /// <summary>What was used on links that are too old anyway goes.</summary>
    private async Task SweepAsync(CancellationToken ct)
    {
        var yesterday = Day(time.GetUtcNow().AddDays(-1));
        await foreach (var blob in store.ListAsync(Used, ct))
        {
            if (string.CompareOrdinal(blob.Key[Used.Length..].Split('/')[0], yesterday) < 0) await store.DeleteAsync(blob.Key, cancellation: ct);
        }
    }

    private static string Day(DateTimeOffset time) => time.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
}
