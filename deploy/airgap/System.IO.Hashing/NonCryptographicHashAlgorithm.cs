namespace System.IO.Hashing;

/// <summary>A checksum that is fed piece by piece.</summary>
public abstract class NonCryptographicHashAlgorithm
{
    protected NonCryptographicHashAlgorithm(int hashLengthInBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hashLengthInBytes, 1);
        HashLengthInBytes = hashLengthInBytes;
    }

    public int HashLengthInBytes { get; }

    public abstract void Append(ReadOnlySpan<byte> source);

    public abstract void Reset();

    public void Append(byte[] source)
    {
        ArgumentNullException.ThrowIfNull(source);
        Append(new ReadOnlySpan<byte>(source));
    }

    public void Append(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] buffer = new byte[BufferBytes];
        int read;
        while ((read = stream.Read(buffer)) > 0) Append(buffer.AsSpan(0, read));
    }

    public async Task AppendAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] buffer = new byte[BufferBytes];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0) Append(buffer.AsSpan(0, read));
    }

    public byte[] GetCurrentHash()
    {
        byte[] hash = new byte[HashLengthInBytes];
        GetCurrentHashCore(hash);
        return hash;
    }

    public bool TryGetCurrentHash(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (destination.Length < HashLengthInBytes) return false;
        GetCurrentHashCore(destination[..HashLengthInBytes]);
        bytesWritten = HashLengthInBytes;
        return true;
    }

    public int GetCurrentHash(Span<byte> destination) =>
        TryGetCurrentHash(destination, out int written) ? written : throw TooShort(nameof(destination));

    public byte[] GetHashAndReset()
    {
        byte[] hash = new byte[HashLengthInBytes];
        GetHashAndResetCore(hash);
        return hash;
    }

    public bool TryGetHashAndReset(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (destination.Length < HashLengthInBytes) return false;
        GetHashAndResetCore(destination[..HashLengthInBytes]);
        bytesWritten = HashLengthInBytes;
        return true;
    }

    public int GetHashAndReset(Span<byte> destination) =>
        TryGetHashAndReset(destination, out int written) ? written : throw TooShort(nameof(destination));

    protected abstract void GetCurrentHashCore(Span<byte> destination);

    protected virtual void GetHashAndResetCore(Span<byte> destination)
    {
        GetCurrentHashCore(destination);
        Reset();
    }

    private protected static ArgumentException TooShort(string argument) => new("the destination is shorter than the hash", argument);

    private const int BufferBytes = 64 * 1024;
}
