using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneGrid.Storage;

/// <summary>JSON behind a line with its own SHA-256, so that a damaged byte is noticed and not read as another number.</summary>
internal static class SealedJson
{
    private const int DigestLength = 64;

    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public static byte[] Write<T>(T value)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, Options);
        return [.. Encoding.ASCII.GetBytes(Digest(json)), (byte)'\n', .. json];
    }

    public static bool TryRead<T>(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out T? value)
        where T : class
    {
        value = null;
        if (bytes.Length <= DigestLength || bytes[DigestLength] != (byte)'\n')
            return false;
        var json = bytes[(DigestLength + 1)..];
        if (!Encoding.ASCII.GetBytes(Digest(json)).AsSpan().SequenceEqual(bytes[..DigestLength]))
            return false;
        value = JsonSerializer.Deserialize<T>(json, Options);
        return value is not null;
    }

    public static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
