namespace FineTuneGrid.Storage;

/// <summary>Header and tensors, one after the other, as a forward stream.</summary>
internal sealed class SafetensorsStream(byte[] header, IReadOnlyList<SafetensorsEntry> tensors) : Stream
{
    private readonly long _length = tensors.Aggregate((long)header.Length, (sum, tensor) => checked(sum + tensor.Length));
    private ReadOnlyMemory<byte> _current = header;
    private IEnumerator<ReadOnlyMemory<byte>>? _pieces;
    private int _next;
    private long _left;
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
        while (_current.IsEmpty && (_pieces is not null || _next < tensors.Count))
            _current = Next();
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

    /// <summary>The next piece; empty where a tensor ends, and it had as many bytes as its shape says.</summary>
    private ReadOnlyMemory<byte> Next()
    {
        if (_pieces is null)
        {
            _left = tensors[_next].Length;
            _pieces = tensors[_next++].Pieces().GetEnumerator();
        }
        if (_pieces.MoveNext() && (_left -= _pieces.Current.Length) >= 0)
            return _pieces.Current;
        _pieces.Dispose();
        _pieces = null;
        return _left == 0 ? default
            : throw new InvalidOperationException($"The tensor '{tensors[_next - 1].Name}' gave {(_left > 0 ? "fewer" : "more")} bytes than the {tensors[_next - 1].Length} of its shape.");
    }
}
