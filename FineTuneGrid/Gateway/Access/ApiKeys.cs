using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace FineTuneGrid.Gateway.Access;

/// <summary>
/// API keys: <c>ftg_</c> and 43 base-62 characters (256 random bits). <c>hf_</c> with the same rest is the same key, since Hub
/// clients insist on that prefix. Only the HMAC-SHA256 under the server's pepper is ever stored.
/// </summary>
public sealed class ApiKeys(byte[] pepper)
{
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int RestLength = 43;

    public static string Create() => "ftg_" + RandomNumberGenerator.GetString(Alphabet, RestLength);

    /// <summary>The same secret for the same seed: what a caller who repeats a request is shown again, though it is stored nowhere.</summary>
    public string Derive(string seed)
    {
        var value = new BigInteger(HMACSHA256.HashData(pepper, Encoding.UTF8.GetBytes("derive\n" + seed)), isUnsigned: true, isBigEndian: true);
        return "ftg_" + string.Create(RestLength, value, static (rest, number) =>
        {
            for (var i = 0; i < rest.Length; i++, number /= Alphabet.Length) rest[i] = Alphabet[(int)(number % Alphabet.Length)];
        });
    }

    /// <summary>The stored form of a presented key; null where it cannot be one of ours.</summary>
    public string? Hash(string presented)
    {
        var rest = presented.StartsWith("ftg_", StringComparison.Ordinal) ? presented[4..]
            : presented.StartsWith("hf_", StringComparison.Ordinal) ? presented[3..] : null;
        if (rest is null || rest.Length != RestLength || rest.AsSpan().IndexOfAnyExcept(Alphabet) >= 0) return null;
        return Convert.ToHexStringLower(HMACSHA256.HashData(pepper, Encoding.ASCII.GetBytes(rest)));
    }
}
