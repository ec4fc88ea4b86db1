using System.Buffers.Binary;

namespace Orleans.Runtime.Messaging;

/// <summary>Reads frames: four bytes of length, little-endian, then as many bytes of JSON.</summary>
internal sealed class FrameReader(Stream stream)
{
    private const int FirstChunk = 64 * 1024;

    private readonly byte[] _header = new byte[sizeof(int)];

    /// <summary>The next frame, or null where the other side has closed between frames.</summary>
    /// <exception cref="InvalidDataException">The announced length is not positive or above the limit.</exception>
    /// <exception cref="EndOfStreamException">The stream ends inside a frame.</exception>
    public async ValueTask<byte[]?> ReadAsync(int maxLength, CancellationToken cancellationToken)
    {
        var got = await stream.ReadAtLeastAsync(_header, _header.Length, throwOnEndOfStream: false, cancellationToken);
        if (got == 0)
            return null;
        if (got < _header.Length)
            throw new EndOfStreamException("The connection ended inside a frame header.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(_header);
        if (length <= 0 || length > maxLength)
            throw new InvalidDataException($"A frame announces {length} bytes; between 1 and {maxLength} are accepted.");

        // Memory follows the bytes that have come, not the length that was announced.
        var body = new byte[Math.Min(length, FirstChunk)];
        var filled = 0;
        while (true)
        {
            await stream.ReadExactlyAsync(body.AsMemory(filled), cancellationToken);
            filled = body.Length;
            if (filled == length)
                return body;
            Array.Resize(ref body, (int)Math.Min(length, filled * 2L));
        }
    }
}
