using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Reads and writes the blobs of one job's checkpoints; nothing read is believed before its digest was checked.</summary>
internal sealed class CheckpointBlobs(IBlobStore store, CheckpointKeys keys)
{
    /// <summary>A read is repeated once before its bytes are called damaged: a cut connection is not a bad disk.</summary>
    private const int ReadAttempts = 2;
    private const int WriteAttempts = 3;
    private const int CopyBufferBytes = 1 << 20;

    public async Task<CheckpointHeadVersion?> ReadHeadAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await store.ReadAllBytesAsync(keys.Head, cancellation: cancellation) is not var (info, bytes))
                return null;
            if (SealedJson.TryRead<CheckpointHead>(bytes, out var head))
                return head.Version > CheckpointHead.CurrentVersion ? throw Newer(keys.Head, head) : new CheckpointHeadVersion(head, info.ETag);
            if (attempt == ReadAttempts)
                throw Corrupt(keys.Head, "does not match its own digest; restore it from a backup");
        }
    }

    /// <summary>
    /// Compare-and-swap of the head, read back: a head that arrived damaged would shut everyone out, and only its writer
    /// can mend it.
    /// </summary>
    /// <exception cref="BlobConflictException">The head is not the expected version.</exception>
    public async Task<CheckpointHeadVersion> WriteHeadAsync(CheckpointHead head, string? expected, CancellationToken cancellation)
    {
        var bytes = SealedJson.Write(head);
        var condition = expected is null ? WriteCondition.IfAbsent : WriteCondition.IfMatch(expected);
        for (var attempt = 1; ; attempt++)
        {
            var written = await store.WriteBytesAsync(keys.Head, bytes, condition, cancellation);
            if (await IsReadBackAsync(written, bytes, cancellation))
                return new CheckpointHeadVersion(head, written.ETag);
            if (attempt == WriteAttempts)
                throw Corrupt(keys.Head, "does not read back as it was written; check the disk");
            condition = WriteCondition.IfMatch(written.ETag);
        }
    }

    public static async Task<CheckpointPartInfo> DescribeAsync(CheckpointPart part, CancellationToken cancellation)
    {
        await using var content = part.Open();
        var (length, digest) = await HashAsync(content, cancellation);
        return new CheckpointPartInfo(part.Name, length, digest);
    }

    /// <summary>
    /// Writes the part and reads it back. A part of the newest commit is kept if it is intact: while that is the newest, no
    /// collection removes it, and the compare-and-swap of the head makes sure that it still is. Any other is written even
    /// where it exists, which makes it young, so that a collection going on at the same time spares it.
    /// </summary>
    public async Task WritePartAsync(CheckpointPart part, CheckpointPartInfo info, bool isInNewest, CancellationToken cancellation)
    {
        if (isInNewest && await IsIntactAsync(info, cancellation))
            return;
        await using (var content = part.Open())
            await store.WriteAsync(keys.Part(info.Sha256), content, WriteCondition.None, cancellation);
        await VerifyPartAsync(info, cancellation);
    }

    /// <summary>Writes the manifest, reads it back and returns its key.</summary>
    public async Task<string> WriteManifestAsync(CheckpointManifest manifest, CancellationToken cancellation)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(manifest, SealedJson.Options);
        var key = keys.Manifest(manifest.Epoch, manifest.Step, SealedJson.Digest(bytes));
        await store.WriteBytesAsync(key, bytes, WriteCondition.None, cancellation);
        await ReadManifestAsync(key, cancellation);
        return key;
    }

    public async Task<CheckpointManifest> ReadManifestAsync(string key, CancellationToken cancellation)
    {
        var bytes = await ReadCheckedAsync(key, CheckpointKeys.DigestOf(key), length: null, cancellation);
        return JsonSerializer.Deserialize<CheckpointManifest>(bytes, SealedJson.Options) ?? throw Corrupt(key, "is empty");
    }

    public Task<byte[]> ReadPartAsync(CheckpointPartInfo part, CancellationToken cancellation) =>
        ReadCheckedAsync(keys.Part(part.Sha256), part.Sha256, part.Length, cancellation);

    /// <summary>Whether there is a blob of that name. Blobs appear whole or not at all.</summary>
    public async Task<bool> IsThereAsync(CheckpointPartInfo part, CancellationToken cancellation) =>
        await store.StatAsync(keys.Part(part.Sha256), cancellation) is not null;

    public async Task VerifyPartAsync(CheckpointPartInfo part, CancellationToken cancellation)
    {
        var key = keys.Part(part.Sha256);
        for (var attempt = 1; ; attempt++)
        {
            var (length, digest) = await HashBlobAsync(key, cancellation);
            if (length == part.Length && digest == part.Sha256)
                return;
            if (attempt == ReadAttempts)
                throw Corrupt(key, $"has {length} bytes with SHA-256 {digest}, not the {part.Length} bytes that were committed");
        }
    }

    private static GridException Newer(string key, CheckpointHead head) => new(ErrorCodes.Unavailable,
        $"The head '{key}' has version {head.Version}, and this program reads up to {CheckpointHead.CurrentVersion}: a newer one wrote it. Bring this machine to the newer version too.", "version");

    public static GridException Corrupt(string key, string what) => new(ErrorCodes.CorruptCheckpoint, $"The blob '{key}' {what}.");

    private async Task<byte[]> ReadCheckedAsync(string key, string sha256, long? length, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var (_, bytes) = await store.ReadAllBytesAsync(key, length ?? BlobStoreExtensions.DefaultMaxBytes, cancellation) ?? throw Corrupt(key, "is missing");
                if (SealedJson.Digest(bytes) == sha256)
                    return bytes;
            }
            catch (EndOfStreamException) when (attempt < ReadAttempts)
            {
                // Ended early: read again.
                continue;
            }
            catch (EndOfStreamException)
            {
                throw Corrupt(key, "is shorter than the store says");
            }
            catch (IOException e) when (StorageFaults.IsMediumError(e))
            {
                throw Corrupt(key, "cannot be read: the disk reports an error");
            }
            if (attempt == ReadAttempts)
                throw Corrupt(key, "does not match its digest");
        }
    }

    /// <summary>False only where the version just written is there with other bytes; if a later one is, ours was whole enough to build on.</summary>
    private async Task<bool> IsReadBackAsync(BlobInfo written, byte[] bytes, CancellationToken cancellation)
    {
        for (var attempt = 1; attempt <= ReadAttempts; attempt++)
        {
            await using var content = await store.OpenReadAsync(keys.Head, cancellation: cancellation);
            if (content is null || content.Info.ETag != written.ETag)
                return true;
            var (length, digest) = await HashAsync(content.Stream, cancellation);
            if (length == bytes.Length && digest == SealedJson.Digest(bytes))
                return true;
        }
        return false;
    }

    private async Task<bool> IsIntactAsync(CheckpointPartInfo part, CancellationToken cancellation)
    {
        try
        {
            await VerifyPartAsync(part, cancellation);
            return true;
        }
        catch (GridException e) when (e.Code == ErrorCodes.CorruptCheckpoint)
        {
            return false;
        }
    }

    private async Task<(long Length, string Digest)> HashBlobAsync(string key, CancellationToken cancellation)
    {
        try
        {
            await using var content = await store.OpenReadAsync(key, cancellation: cancellation) ?? throw Corrupt(key, "is missing");
            return await HashAsync(content.Stream, cancellation);
        }
        catch (IOException e) when (StorageFaults.IsMediumError(e))
        {
            throw Corrupt(key, "cannot be read: the disk reports an error");
        }
    }

    private static async Task<(long Length, string Digest)> HashAsync(Stream content, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBufferBytes);
        try
        {
            var length = 0L;
            while (await content.ReadAsync(buffer, cancellation) is var read and > 0)
            {
                hash.AppendData(buffer, 0, read);
                length += read;
            }
            return (length, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
