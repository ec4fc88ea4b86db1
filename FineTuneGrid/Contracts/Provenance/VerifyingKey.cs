using System.Security.Cryptography;

namespace FineTuneGrid.Contracts.Provenance;

/// <summary>The public half of a <see cref="SigningKey"/>.</summary>
public sealed class VerifyingKey
{
    private const string P256 = "1.2.840.10045.3.1.7";

    private readonly byte[] _spki;

    private VerifyingKey(byte[] spki) => _spki = spki;

    /// <summary>SHA-256 of the SubjectPublicKeyInfo in DER, lower-case hex.</summary>
    public string Id => Convert.ToHexStringLower(SHA256.HashData(_spki));

    /// <summary>SubjectPublicKeyInfo in PEM with a final line break: one form per key.</summary>
    public string Pem => PemEncoding.WriteString("PUBLIC KEY", _spki) + "\n";

    /// <exception cref="GridException">invalid_value: not such a key.</exception>
    public static VerifyingKey FromPem(string pem)
    {
        using var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            return Of(key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new GridException(ErrorCodes.InvalidValue, "The key is not an ECDSA P-256 public key in PEM form.", "key", inner: e);
        }
    }

    public bool Verifies(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        using var key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(_spki, out _);
        return key.VerifyData(message, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    internal static VerifyingKey Of(ECDsa key)
    {
        RequireP256(key);
        return new VerifyingKey(key.ExportSubjectPublicKeyInfo());
    }

    internal static void RequireP256(ECDsa key)
    {
        if (key.ExportParameters(false).Curve.Oid.Value != P256)
            throw new GridException(ErrorCodes.InvalidValue, "The key is not on the curve P-256.", "key");
    }
}
