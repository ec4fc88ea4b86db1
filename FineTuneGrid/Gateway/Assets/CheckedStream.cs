using System.Security.Cryptography;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>Reads through, and fails instead of ending where there are too many bytes or a digest is not the announced one.</summary>
/// <param name="sha256">Announced digest in lower-case hexadecimal; null where none was.</param>
/// <param name="refuse">What to throw where there are too many bytes; null: too_large.</param>
/// <param name="md5">As <paramref name="sha256"/>, from clients that announce this one.</param>
public sealed class CheckedStream(Stream inner, long maxBytes, string? sha256, Func<GridException>? refuse = null, string? md5 = null) : ForwardStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _md5 = md5 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.MD5);
    private long _read;

    /// <summary>Digest of all that was read, in lower-case hexadecimal; null before the end.</summary>
    public string? Sha256 { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        _hash.AppendData(buffer.Span[..count]);
        _md5?.AppendData(buffer.Span[..count]);
        _read += count;
        if (_read > maxBytes) throw refuse?.Invoke() ?? new GridException(ErrorCodes.TooLarge, $"More than the allowed or announced {maxBytes} bytes were sent.");
        if (count == 0 && buffer.Length > 0 && Sha256 is null) End();
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            _md5?.Dispose();
        }
        base.Dispose(disposing);
    }

    private void End()
    {
        Sha256 = Convert.ToHexStringLower(_hash.GetHashAndReset());
        Check("SHA-256", Sha256, sha256, "X-Content-SHA256");
        if (_md5 is not null) Check("MD5", Convert.ToHexStringLower(_md5.GetHashAndReset()), md5, "md5");
    }

    private static void Check(string kind, string actual, string? announced, string field)
    {
        if (announced is not null && actual != announced)
            throw new GridException(ErrorCodes.DigestMismatch, $"The bytes received have {kind} {actual}, not {announced} as announced; send the file again.", field);
    }
}
