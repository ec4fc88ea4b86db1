using System.Buffers.Binary;
using System.Text.Json;

namespace FineTuneGrid.Contracts.Training;

/// <summary>
/// Frames of <see cref="TrainerProtocol"/> over a stream: a 4-byte little-endian length and one JSON value. The length is
/// checked before anything is allocated for it.
/// </summary>
public static class FrameStream
{
    private const int PrefixBytes = 4;

    /// <exception cref="GridException"><c>too_large</c>: the frame exceeds <see cref="TrainerProtocol.MaxFrameBytes"/>.</exception>
    public static async Task WriteAsync<T>(Stream stream, T frame, CancellationToken cancellation = default)
    {
        var json = GridJson.ToBytes(frame);
        if (json.Length > TrainerProtocol.MaxFrameBytes)
            throw new GridException(ErrorCodes.TooLarge, $"A frame has {json.Length} bytes; at most {TrainerProtocol.MaxFrameBytes} may be sent.");
        var bytes = new byte[PrefixBytes + json.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, PrefixBytes);
        await stream.WriteAsync(bytes, cancellation);
        await stream.FlushAsync(cancellation);
    }

    /// <summary>The next frame; null where the other side closed between two frames.</summary>
    /// <exception cref="GridException"><c>invalid_request</c> for a hostile length or a cut frame, <c>invalid_json</c> for its content.</exception>
    public static async Task<T?> ReadAsync<T>(Stream stream, CancellationToken cancellation = default)
        where T : class
    {
        var prefix = new byte[PrefixBytes];
        var read = await stream.ReadAtLeastAsync(prefix, PrefixBytes, throwOnEndOfStream: false, cancellation);
        if (read == 0) return null;
        if (read < PrefixBytes) throw Cut();
        var length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        if (length is < 2 or > TrainerProtocol.MaxFrameBytes)
            throw new GridException(ErrorCodes.InvalidRequest, $"A frame announces {length} bytes; 2 to {TrainerProtocol.MaxFrameBytes} are allowed.");
        var json = new byte[length];
        if (await stream.ReadAtLeastAsync(json, length, throwOnEndOfStream: false, cancellation) < length) throw Cut();
        try
        {
            return GridJson.Parse<T>(json);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"A frame is not a {typeof(T).Name}: {e.Message}", inner: e);
        }
    }

    private static GridException Cut() => new(ErrorCodes.InvalidRequest, "The connection closed within a frame.");
}
