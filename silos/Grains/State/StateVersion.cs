using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains;

/// <summary>
/// The form of stored states. Members may be added without a new one, since unknown members are ignored; a change that an older
/// program would misread takes the next number, which older programs refuse to read and so can never overwrite.
/// </summary>
public static class StateVersion
{
    public const int First = 1;

    public const int Current = 1;

    /// <summary>A state as it lies in the store, or null where there is none.</summary>
    /// <exception cref="GridException"><c>unavailable</c>: a newer program wrote it; <c>invalid_json</c>: it cannot be read.</exception>
    public static async Task<(BlobInfo Info, T Value)?> ReadAsync<T>(IBlobStore blobs, string key, CancellationToken cancellation = default) =>
        await blobs.ReadAllBytesAsync(key, cancellation: cancellation) is var (info, bytes) ? (info, Parse<T>(bytes, key)) : null;

    /// <inheritdoc cref="ReadAsync{T}"/>
    public static T Parse<T>(ReadOnlySpan<byte> json, string key)
    {
        try
        {
            // Before the value, whose form may be another one.
            if (VersionOf(json) is var version && version > Current)
                throw new GridException(ErrorCodes.Unavailable,
                    $"The state {key} has version {version}, and this program reads up to {Current}: a newer one wrote it. Bring this silo to the newer version too.", "version");
            return JsonSerializer.Deserialize<T>(json, GridJson.Options) ?? throw new JsonException("The document is null.");
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"The blob '{key}' is not the JSON that was expected: {e.Message}", inner: e);
        }
    }

    private static int VersionOf(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return First;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals("version"u8);
            reader.Read();
            if (found) return reader.GetInt32();
            reader.Skip();
        }
        return First;
    }
}
