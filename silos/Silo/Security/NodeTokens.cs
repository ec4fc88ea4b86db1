using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Silo;

/// <summary>
/// Signed tokens of node agents: <c>ftgn_{node, hexadecimal}_{expiry, Unix seconds}_{HMAC-SHA256}</c>. The cluster's secret signs
/// them, so any silo can check one, and a node's token says nothing for another node.
/// </summary>
public sealed class NodeTokens
{
    /// <summary>Where a token travels in a call's request context.</summary>
    public const string ContextKey = "ftg-node-token";

    private const string Prefix = "ftgn";
    private readonly byte[] _secret;

    public NodeTokens(byte[] secret)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(secret.Length, 32);
        _secret = secret;
    }

    public string Issue(string node, DateTimeOffset expires)
    {
        var body = $"{Prefix}_{Convert.ToHexStringLower(Encoding.UTF8.GetBytes(node))}_{expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)}";
        return $"{body}_{Sign("node " + body)}";
    }

    /// <summary>The node that the token speaks for.</summary>
    /// <exception cref="GridException">unauthenticated: malformed, forged or expired.</exception>
    public string Verify(string token, DateTimeOffset now)
    {
        var end = token.LastIndexOf('_');
        var parts = token.Split('_');
        if (parts.Length != 4 || parts[0] != Prefix
            || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign("node " + token[..end])), Encoding.UTF8.GetBytes(token[(end + 1)..])))
            throw new GridException(ErrorCodes.Unauthenticated, "The node token is not one of this cluster; issue one with its node.key.");
        if (long.Parse(parts[2], CultureInfo.InvariantCulture) <= now.ToUnixTimeSeconds())
            throw new GridException(ErrorCodes.Unauthenticated, "The node token has expired; issue a new one.");
        return Encoding.UTF8.GetString(Convert.FromHexString(parts[1]));
    }

    /// <summary>What silos of the cluster put into their own calls, and nobody else can know.</summary>
    public string ClusterStamp() => Sign("cluster");

    private string Sign(string text) => Convert.ToHexStringLower(HMACSHA256.HashData(_secret, Encoding.UTF8.GetBytes(text)));
}
