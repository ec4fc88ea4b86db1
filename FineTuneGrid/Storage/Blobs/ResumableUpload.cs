using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// One file that arrives in pieces (PUT with Content-Range). Each piece is a blob <c>{prefix}/{offset}</c>, so what was
/// acknowledged survives any crash; commit streams the pieces into the final key and then removes them.
/// </summary>
/// <param name="prefix">Server-made and unique to the upload, for example <c>datasets/{id}/uploads/{file number}</c>.</param>
public sealed class ResumableUpload(IBlobStore store, string prefix)
{
    /// <summary>Bytes received without a gap from the start: the offset at which the sender goes on.</summary>
    public async Task<long> ReceivedAsync(CancellationToken cancellation = default) =>
        Received(await PiecesAsync(cancellation));

    /// <summary>Stores one piece, which must begin where the last one ended. Returns the bytes received so far.</summary>
    /// <exception cref="GridException">conflict: the piece does not begin at the received length (the message names it).</exception>
    public async Task<long> AppendAsync(long offset, Stream content, CancellationToken cancellation = default)
    {
        var received = await ReceivedAsync(cancellation);
        if (offset != received)
            throw WrongOffset(offset, received, null);
        try
        {
            var piece = await store.WriteAsync(KeyOf(offset), content, WriteCondition.IfAbsent, cancellation);
            return offset + piece.Length;
        }
        catch (BlobConflictException e)
        {
            throw WrongOffset(offset, await ReceivedAsync(cancellation), e);
        }
    }

    /// <summary>Writes the pieces as one blob, if they are complete, and removes them. Safe to repeat after a failure.</summary>
    /// <param name="length">The length announced by the sender.</param>
    /// <param name="sha256">Expected lower-case hex digest, or null.</param>
    /// <exception cref="GridException">conflict: bytes are missing; digest_mismatch: nothing was written.</exception>
    /// <exception cref="BlobConflictException">The condition on the final key does not hold.</exception>
    public async Task<BlobInfo> CommitAsync(
        string key, long length, string? sha256 = null, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        var pieces = await PiecesAsync(cancellation);
        var received = Received(pieces);
        if (received != length)
            throw new GridException(ErrorCodes.Conflict, $"The upload has {received} of {length} bytes; send the rest from offset {received} first.", "Content-Range");
        await using var joined = new ConcatenatedBlobStream(store, [.. pieces.Select(p => p.Key)], length, sha256);
        var info = await store.WriteAsync(key, joined, condition, cancellation);
        await RemoveAsync(pieces, cancellation);
        return info;
    }

    /// <summary>Forgets the upload and removes its pieces.</summary>
    public async Task AbortAsync(CancellationToken cancellation = default) =>
        await RemoveAsync(await PiecesAsync(cancellation), cancellation);

    private async Task RemoveAsync(List<BlobInfo> pieces, CancellationToken cancellation)
    {
        // Last first: a crash half way leaves a shorter upload, never one with a gap.
        foreach (var piece in Enumerable.Reverse(pieces))
            await store.DeleteAsync(piece.Key, cancellation: cancellation);
    }

    private async Task<List<BlobInfo>> PiecesAsync(CancellationToken cancellation)
    {
        var pieces = new List<BlobInfo>();
        await foreach (var piece in store.ListAsync(prefix + "/", cancellation))
            pieces.Add(piece);
        return pieces;
    }

    /// <summary>Pieces are written one after the other, so a gap means foreign blobs below the prefix: stop there.</summary>
    private long Received(List<BlobInfo> pieces)
    {
        var end = 0L;
        foreach (var piece in pieces)
        {
            if (piece.Key != KeyOf(end))
                break;
            end += piece.Length;
        }
        return end;
    }

    private string KeyOf(long offset) => $"{prefix}/{offset.ToString("D19", CultureInfo.InvariantCulture)}";

    private static GridException WrongOffset(long offset, long received, Exception? inner) =>
        new(ErrorCodes.Conflict, $"The piece begins at byte {offset} but {received} bytes were received; go on from offset {received}.", "Content-Range", inner);
}
