using System.Security.Cryptography;
using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Whole-blob helpers over <see cref="IBlobStore"/>.</summary>
public static class BlobStoreExtensions
{
    /// <summary>Ceiling for blobs read into memory unless the caller sets its own.</summary>
    public const long DefaultMaxBytes = 64L << 20;

    /// <summary>The bytes and the version they belong to, or null where there is no blob.</summary>
    /// <exception cref="GridException">too_large: the blob exceeds <paramref name="maxBytes"/>.</exception>
    public static async Task<(BlobInfo Info, byte[] Bytes)?> ReadAllBytesAsync(
        this IBlobStore store, string key, long maxBytes = DefaultMaxBytes, CancellationToken cancellation = default)
    {
        await using var content = await store.OpenReadAsync(key, cancellation: cancellation);
        if (content is null)
            return null;
        if (content.Info.Length > maxBytes)
            throw new GridException(ErrorCodes.TooLarge, $"The blob '{key}' has {content.Info.Length} bytes; at most {maxBytes} are read at once.");
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)content.Info.Length));
        await content.Stream.ReadExactlyAsync(bytes, cancellation);
        return (content.Info, bytes);
    }

    public static Task<BlobInfo> WriteBytesAsync(
        this IBlobStore store, string key, ReadOnlyMemory<byte> bytes, WriteCondition condition = default, CancellationToken cancellation = default) =>
        store.WriteAsync(key, new ReadOnlyMemoryStream(bytes), condition, cancellation);

    /// <summary>The deserialised value and its version, or null where there is no blob.</summary>
    public static async Task<(BlobInfo Info, T Value)?> ReadJsonAsync<T>(
        this IBlobStore store, string key, JsonSerializerOptions? options = null, CancellationToken cancellation = default)
    {
        if (await store.ReadAllBytesAsync(key, cancellation: cancellation) is not var (info, bytes))
            return null;
        try
        {
            var value = JsonSerializer.Deserialize<T>(bytes, options ?? JsonSerializerOptions.Web);
            return value is null ? throw new JsonException("The document is null.") : (info, value);
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"The blob '{key}' is not the JSON that was expected: {e.Message}", inner: e);
        }
    }

    public static Task<BlobInfo> WriteJsonAsync<T>(
        this IBlobStore store, string key, T value, WriteCondition condition = default, JsonSerializerOptions? options = null, CancellationToken cancellation = default) =>
        store.WriteBytesAsync(key, JsonSerializer.SerializeToUtf8Bytes(value, options ?? JsonSerializerOptions.Web), condition, cancellation);

    /// <summary>Lower-case hex SHA-256 of the blob's bytes, or null where there is no blob.</summary>
    public static async Task<string?> Sha256Async(this IBlobStore store, string key, CancellationToken cancellation = default)
    {
        await using var content = await store.OpenReadAsync(key, cancellation: cancellation);
        return content is null ? null : Convert.ToHexStringLower(await SHA256.HashDataAsync(content.Stream, cancellation));
    }
}
