namespace FineTuneGrid.Storage;

/// <summary>Header and tensors, one after the other, as a forward stream.</summary>
internal sealed class SafetensorsStream(byte[] header, IReadOnlyList<SafetensorsEntry> tensors) : Stream
{
    private readonly long _length = tensors.Aggregate((long)header.Length, (sum, tensor) => checked(sum + tensor.Length));
    private ReadOnlyMemory<byte> _current = header;
    private int _next;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        while (_current.IsEmpty && _next < tensors.Count)
            _current = BytesOf(tensors[_next++]);
        var count = Math.Min(buffer.Length, _current.Length);
        _current.Span[..count].CopyTo(buffer);
        _current = _current[count..];
        _position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellationToken) : new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private static ReadOnlyMemory<byte> BytesOf(SafetensorsEntry tensor)
    {
        var bytes = tensor.Bytes();
        return bytes.Length == tensor.Length
            ? bytes
            : throw new InvalidOperationException($"The tensor '{tensor.Name}' gave {bytes.Length} bytes, not the {tensor.Length} of its shape.");
    }
}
