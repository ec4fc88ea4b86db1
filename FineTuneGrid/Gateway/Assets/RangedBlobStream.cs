using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>A blob of a remote store as a seekable stream: each seek opens a new range.</summary>
public sealed class RangedBlobStream(IBlobStore store, string key, long length) : Stream
{
    private BlobContent? _open;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= length) return 0;
        _open ??= await store.OpenReadAsync(key, _position, null, cancellationToken) ?? throw new FileNotFoundException($"{key} is gone");
        var read = await _open.Stream.ReadAsync(buffer, cancellationToken);
        _position += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read asynchronously");

    public override long Seek(long offset, SeekOrigin origin)
    {
        var target = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => length + offset,
        };
        if (target != _position && _open is { } open)
        {
            _open = null;
            open.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        return _position = target;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        if (_open is not null) await _open.DisposeAsync();
        await base.DisposeAsync();
    }
}
