using System.Security.Cryptography;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>Reads through, and fails instead of ending where there are too many bytes or the digest is not the announced one.</summary>
/// <param name="refuse">What to throw where there are too many bytes; null: too_large.</param>
public sealed class CheckedStream(Stream inner, long maxBytes, string? sha256, Func<GridException>? refuse = null) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _read;
    private bool _ended;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        _hash.AppendData(buffer.Span[..count]);
        _read += count;
        if (_read > maxBytes) throw refuse?.Invoke() ?? new GridException(ErrorCodes.TooLarge, $"More than the allowed or announced {maxBytes} bytes were sent.");
        if (count == 0 && buffer.Length > 0 && !_ended)
        {
            _ended = true;
            CheckDigest();
        }
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("request bodies are read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _hash.Dispose();
        base.Dispose(disposing);
    }

    private void CheckDigest()
    {
        if (sha256 is null) return;
        var actual = Convert.ToHexStringLower(_hash.GetHashAndReset());
        if (actual != sha256)
            throw new GridException(ErrorCodes.DigestMismatch, $"The bytes received have SHA-256 {actual}, not {sha256} as announced; send the file again.", "X-Content-SHA256");
    }
}
