using System.Security.Cryptography;

namespace FineTuneGrid.Contracts.Provenance;

/// <summary>The installation's key: ECDSA on NIST P-256 with SHA-256, signatures in DER form. Safe for concurrent use.</summary>
public sealed class SigningKey : IDisposable
{
    private readonly ECDsa _key;
    private readonly Lock _lock = new();

    private SigningKey(ECDsa key)
    {
        _key = key;
        Public = VerifyingKey.Of(key);
    }

    public VerifyingKey Public { get; }

    /// <summary>A new key as PKCS #8 in PEM.</summary>
    public static string CreatePem()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKeyPem();
    }

    /// <exception cref="GridException">invalid_value: no such key.</exception>
    public static SigningKey FromPem(string pem)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            VerifyingKey.RequireP256(key);
            key.ExportECPrivateKey();
            return new SigningKey(key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or GridException)
        {
            key.Dispose();
            throw new GridException(ErrorCodes.InvalidValue, "The signing key is not an ECDSA P-256 private key in PEM form.", "signing.key", inner: e);
        }
    }

    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        lock (_lock) return _key.SignData(message, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    public void Dispose() => _key.Dispose();
}
