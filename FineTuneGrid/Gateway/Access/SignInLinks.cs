using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace FineTuneGrid.Gateway.Access;

/// <summary>One-time links that sign a browser in as the holder of a key. Valid for a quarter of an hour, once.</summary>
public sealed class SignInLinks(TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private readonly ConcurrentDictionary<string, (string KeyHash, DateTimeOffset Until)> _open = new();

    /// <returns>Path and query of the link.</returns>
    public string Create(string keyHash)
    {
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        _open[token] = (keyHash, time.GetUtcNow() + Lifetime);
        return $"/login?token={token}";
    }

    /// <summary>The key's hash, the first time; null afterwards.</summary>
    public string? Redeem(string token) =>
        _open.TryRemove(token, out var entry) && entry.Until > time.GetUtcNow() ? entry.KeyHash : null;
}
