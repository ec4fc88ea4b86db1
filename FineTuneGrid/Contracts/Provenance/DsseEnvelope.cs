using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Provenance;

/// <summary>
/// A signed payload (DSSE 1.0, https://github.com/secure-systems-lab/dsse): one signature over type and bytes. It has one written
/// form, a line of JSON, and is read from no other, so that every byte of a file counts.
/// </summary>
public sealed class DsseEnvelope
{
    private const int MaxBytes = 16 << 20;

    private DsseEnvelope(string payloadType, byte[] payload, string keyId, byte[] signature) => (PayloadType, Payload, KeyId, Signature) = (payloadType, payload, keyId, signature);

    public string PayloadType { get; }

    public byte[] Payload { get; }

    public byte[] Signature { get; }

    /// <summary>The <see cref="VerifyingKey.Id"/> of the signer.</summary>
    public string KeyId { get; }

    public static DsseEnvelope Sign(string payloadType, byte[] payload, SigningKey key) =>
        new(payloadType, payload, key.Public.Id, key.Sign(PreAuthentication(payloadType, payload)));

    /// <exception cref="GridException">invalid_value: not an envelope of one signature in its one written form.</exception>
    public static DsseEnvelope Read(byte[] bytes)
    {
        try
        {
            if (bytes.Length <= MaxBytes && JsonSerializer.Deserialize<Wire>(bytes) is { PayloadType: not null, Payload: not null, Signatures: [{ KeyId: not null, Sig: not null } only] } wire)
            {
                var envelope = new DsseEnvelope(wire.PayloadType, Convert.FromBase64String(wire.Payload), only.KeyId, Convert.FromBase64String(only.Sig));
                // Base64 has several spellings of the same bytes.
                if (envelope.Write().AsSpan().SequenceEqual(bytes)) return envelope;
            }
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new GridException(ErrorCodes.InvalidValue, "The envelope is damaged.", inner: e);
        }
        throw new GridException(ErrorCodes.InvalidValue, "The envelope is damaged, or was not written by a grid.");
    }

    public byte[] Write()
    {
        var wire = new Wire(PayloadType, Convert.ToBase64String(Payload), [new WireSignature(KeyId, Convert.ToBase64String(Signature))]);
        return [.. JsonSerializer.SerializeToUtf8Bytes(wire), (byte)'\n'];
    }

    public bool IsSignedBy(VerifyingKey key) => KeyId == key.Id && key.Verifies(PreAuthentication(PayloadType, Payload), Signature);

    /// <summary>What is signed: the type and the payload, each with its length.</summary>
    private static byte[] PreAuthentication(string type, byte[] payload)
    {
        var head = string.Create(CultureInfo.InvariantCulture, $"DSSEv1 {Encoding.UTF8.GetByteCount(type)} {type} {payload.Length} ");
        return [.. Encoding.UTF8.GetBytes(head), .. payload];
    }

    private sealed record Wire(
        [property: JsonPropertyName("payloadType")] string PayloadType,
        [property: JsonPropertyName("payload")] string Payload,
        [property: JsonPropertyName("signatures")] IReadOnlyList<WireSignature> Signatures);

    private sealed record WireSignature([property: JsonPropertyName("keyid")] string KeyId, [property: JsonPropertyName("sig")] string Sig);
}
