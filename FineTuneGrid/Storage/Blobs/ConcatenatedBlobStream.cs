using System.Security.Cryptography;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// Several blobs read as one stream. Length and digest are checked before the end is reported, so a writer that consumes it
/// fails before it publishes anything wrong.
/// </summary>
public sealed class ConcatenatedBlobStream(IBlobStore store, IReadOnlyList<string> keys, long length, string? sha256) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private BlobContent? _current;
    private int _next;
    private long _position;
    private bool _checked;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
            return 0;
        while (true)
        {
            if (_current is null && !await OpenNextAsync(cancellationToken))
                return 0;
            var read = await _current!.Stream.ReadAsync(buffer, cancellationToken);
            if (read > 0)
            {
                _hash.AppendData(buffer.Span[..read]);
                _position += read;
                return read;
            }
            await _current.DisposeAsync();
            _current = null;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _current?.Dispose();
            _hash.Dispose();
        }
        base.Dispose(disposing);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task<bool> OpenNextAsync(CancellationToken cancellation)
    {
        if (_next == keys.Count)
        {
            CheckEnd();
            return false;
        }
        _current = await store.OpenReadAsync(keys[_next], cancellation: cancellation)
            ?? throw new GridException(ErrorCodes.Conflict, "A piece of the upload is gone; it was committed or aborted by another request.");
        _next++;
        return true;
    }

    private void CheckEnd()
    {
        if (_checked)
            return;
        _checked = true;
        if (_position != length)
            throw new GridException(ErrorCodes.Conflict, $"The pieces hold {_position} bytes, not the {length} announced; upload the file again.");
        var actual = Convert.ToHexStringLower(_hash.GetHashAndReset());
        if (sha256 is not null && actual != sha256)
            throw new GridException(ErrorCodes.DigestMismatch, $"The uploaded bytes have SHA-256 {actual}, not {sha256}; upload the file again.");
    }
}
