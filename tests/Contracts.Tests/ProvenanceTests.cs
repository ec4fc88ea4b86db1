using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts.Provenance;

namespace FineTuneGrid.Contracts.Tests;

public sealed class ProvenanceTests
{
    private static readonly byte[] Payload = "hello world"u8.ToArray();
    private readonly string _pem = SigningKey.CreatePem();

    [Fact]
    public void Envelope_SignsTypeAndPayload_AsTheProtocolEncodesThem()
    {
        using var key = SigningKey.FromPem(_pem);
        var envelope = DsseEnvelope.Sign("http://example.com/HelloWorld", Payload, key);

        using var plain = ECDsa.Create();
        plain.ImportFromPem(_pem);
        // The example of the protocol's own text.
        Assert.True(plain.VerifyData("DSSEv1 29 http://example.com/HelloWorld 11 hello world"u8, envelope.Signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(plain.ExportSubjectPublicKeyInfo())), envelope.KeyId);
    }

    [Fact]
    public void Envelope_ReadAgain_IsSignedByItsKeyAndNoOther()
    {
        using var key = SigningKey.FromPem(_pem);
        using var other = SigningKey.FromPem(SigningKey.CreatePem());
        var read = DsseEnvelope.Read(DsseEnvelope.Sign("text/plain", Payload, key).Write());
        Assert.Equal(("text/plain", "hello world"), (read.PayloadType, Encoding.UTF8.GetString(read.Payload)));
        Assert.True(read.IsSignedBy(VerifyingKey.FromPem(key.Public.Pem)));
        Assert.False(read.IsSignedBy(other.Public));
    }

    [Fact]
    public void Envelope_WithAnyBitFlipped_IsRefusedOrUnsigned()
    {
        using var key = SigningKey.FromPem(_pem);
        var bytes = DsseEnvelope.Sign("text/plain", Payload, key).Write();
        for (var i = 0; i < bytes.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = (byte[])bytes.Clone();
                changed[i] ^= (byte)(1 << bit);
                Assert.False(Accepted(changed, key.Public), $"bit {bit} of byte {i}, '{(char)bytes[i]}', does not count");
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"payloadType":"t","payload":"","signatures":[]}""")]
    [InlineData("""{"payloadType":"t","payload":"","signatures":[null]}""")]
    [InlineData("""{"payloadType":"t","payload":"!","signatures":[{"keyid":"k","sig":""}]}""")]
    [InlineData("""{"payloadType":"t","payload":"","signatures":[{"keyid":"k","sig":""}]} """)]
    public void Envelope_OfSomethingElse_IsRefused(string text) =>
        Assert.Equal(ErrorCodes.InvalidValue, Assert.Throws<GridException>(() => DsseEnvelope.Read(Encoding.UTF8.GetBytes(text))).Code);

    [Fact]
    public void Keys_OfAnotherKind_AreRefused()
    {
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Throws<GridException>(() => SigningKey.FromPem(p384.ExportPkcs8PrivateKeyPem()));
        Assert.Throws<GridException>(() => VerifyingKey.FromPem(p384.ExportSubjectPublicKeyInfoPem()));
        Assert.Throws<GridException>(() => SigningKey.FromPem("no key"));
        using var key = SigningKey.FromPem(_pem);
        Assert.Throws<GridException>(() => SigningKey.FromPem(key.Public.Pem));
    }

    private static bool Accepted(byte[] bytes, VerifyingKey key)
    {
        try
        {
            return DsseEnvelope.Read(bytes).IsSignedBy(key);
        }
        catch (GridException)
        {
            return false;
        }
    }
}
