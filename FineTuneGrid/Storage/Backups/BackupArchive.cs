using System.Globalization;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Backups;

/// <summary>
/// Where backups lie: bytes under their digests (<c>objects/</c>), which all snapshots share, and the snapshots. A snapshot is
/// written last, so one that is there is whole; what was copied before an interruption is found again by the next.
/// </summary>
public sealed class BackupArchive(IBlobStore store)
{
    private const string Objects = "objects/";
    private const string Snapshots = "snapshots/";
    private const string Extension = ".json";
    private const int MaxInMemory = 8 << 20;
    private const long MaxSnapshot = 1L << 30;
    private const int Attempts = 5;

    /// <summary>Objects that were not there before.</summary>
    public long AddedObjects { get; private set; }

    public long AddedBytes { get; private set; }

    /// <summary>Copies the blob's present version; null where there is none.</summary>
    /// <param name="before">As it was copied the last time, or null.</param>
    /// <exception cref="GridException">unavailable: it changes faster than it can be read.</exception>
    public async Task<BackupEntry?> AddAsync(IBlobStore source, string key, BackupEntry? before, CancellationToken cancellation = default)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await source.StatAsync(key, cancellation) is not { } info)
                return null;
            if (before is not null && before.ETag == info.ETag && before.Length == info.Length && await HoldsAsync(before, cancellation))
                return before;
            if (info.Length <= MaxInMemory)
            {
                if (await source.ReadAllBytesAsync(key, MaxInMemory * 2L, cancellation) is var (read, bytes))
                    return await AddBytesAsync(read, bytes, cancellation);
                continue;
            }
            if (await TryAddLargeAsync(source, key, cancellation) is { } entry)
                return entry;
        }
        throw new GridException(ErrorCodes.Unavailable, $"The blob '{key}' was changed each of the {Attempts} times that it was read; run the backup again.");
    }

    public async Task<BackupEntry> AddBytesAsync(BlobInfo info, byte[] bytes, CancellationToken cancellation = default)
    {
        var entry = new BackupEntry(info.Key, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)), info.ETag);
        if (!await HoldsAsync(entry, cancellation))
            Count(await store.WriteBytesAsync(KeyOf(entry), bytes, cancellation: cancellation));
        return entry;
    }

    public async Task CommitAsync(BackupSnapshot snapshot, CancellationToken cancellation = default) =>
        await store.WriteBytesAsync($"{Snapshots}{snapshot.Id}{Extension}", SealedJson.Write(snapshot), WriteCondition.IfAbsent, cancellation);

    /// <summary>Ids sort by time.</summary>
    public static string NewId(DateTimeOffset at) =>
        $"{at.UtcDateTime.ToString("yyyyMMdd-HHmmss-fff", CultureInfo.InvariantCulture)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(2))}";

    /// <summary>Newest first.</summary>
    public async Task<List<string>> IdsAsync(CancellationToken cancellation = default)
    {
        var ids = await store.ListAsync(Snapshots, cancellation).Select(b => b.Key[Snapshots.Length..^Extension.Length]).ToListAsync(cancellation);
        ids.Reverse();
        return ids;
    }

    /// <param name="id">Null for the newest.</param>
    /// <exception cref="GridException">not_found, or corrupt_checkpoint where the snapshot is damaged.</exception>
    public async Task<BackupSnapshot> OpenAsync(string? id = null, CancellationToken cancellation = default)
    {
        var ids = await IdsAsync(cancellation);
        if ((id ?? ids.FirstOrDefault()) is not { } wanted || !ids.Contains(wanted))
            throw new GridException(ErrorCodes.NotFound, id is null ? "There is no snapshot in this backup." : $"There is no snapshot '{id}' in this backup; there are {string.Join(", ", ids.Take(10))}.", "--snapshot");
        var bytes = (await store.ReadAllBytesAsync($"{Snapshots}{wanted}{Extension}", MaxSnapshot, cancellation))?.Bytes ?? [];
        if (!SealedJson.TryRead<BackupSnapshot>(bytes, out var snapshot))
            throw new GridException(ErrorCodes.CorruptCheckpoint, $"The snapshot '{wanted}' does not match its own digest; use an older one with --snapshot.", "--snapshot");
        return snapshot.Format == BackupSnapshot.CurrentFormat
            ? snapshot
            : throw new GridException(ErrorCodes.InvalidValue, $"The snapshot '{wanted}' has format {snapshot.Format}, of which this version knows nothing; use the version that made it.", "--snapshot");
    }

    /// <summary>Reads every byte of a snapshot; names what is missing or damaged.</summary>
    public async Task<List<GridFinding>> VerifyAsync(BackupSnapshot snapshot, CancellationToken cancellation = default)
    {
        var findings = new List<GridFinding>();
        var sound = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in snapshot.Entries.Concat(snapshot.Files).Where(e => !sound.Contains(e.Sha256)))
        {
            var actual = await store.Sha256Async(KeyOf(entry), cancellation);
            if (actual == entry.Sha256)
                sound.Add(entry.Sha256);
            else
                findings.Add(new GridFinding(entry.Key, actual is null ? $"{entry.Key}: {KeyOf(entry)} is missing" : $"{entry.Key}: {KeyOf(entry)} is damaged; remove it and back up again"));
        }
        return findings;
    }

    /// <summary>The bytes of an entry, which fail instead of ending where they are not those that were copied.</summary>
    public Stream Open(BackupEntry entry) => new ConcatenatedBlobStream(store, [KeyOf(entry)], entry.Length, entry.Sha256);

    /// <summary>Removes all but the newest snapshots, and the objects that no other needs. Nobody may back up meanwhile.</summary>
    public async Task<int> KeepAsync(int newest, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(newest, 1);
        var ids = await IdsAsync(cancellation);
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var id in ids.Take(newest))
        {
            var snapshot = await OpenAsync(id, cancellation);
            needed.UnionWith(snapshot.Entries.Concat(snapshot.Files).Select(KeyOf));
        }
        foreach (var id in ids.Skip(newest))
            await store.DeleteAsync($"{Snapshots}{id}{Extension}", cancellation: cancellation);
        var removed = 0;
        await foreach (var blob in store.ListAsync(Objects, cancellation))
            if (!needed.Contains(blob.Key) && await store.DeleteAsync(blob.Key, blob.ETag, cancellation))
                removed++;
        return removed;
    }

    private static string KeyOf(BackupEntry entry) => $"{Objects}{entry.Sha256[..2]}/{entry.Sha256}";

    private async Task<bool> HoldsAsync(BackupEntry entry, CancellationToken cancellation) =>
        await store.StatAsync(KeyOf(entry), cancellation) is { } found && found.Length == entry.Length;

    /// <summary>Null where the blob was changed between the two times that it is read.</summary>
    private async Task<BackupEntry?> TryAddLargeAsync(IBlobStore source, string key, CancellationToken cancellation)
    {
        BackupEntry entry;
        await using (var content = await source.OpenReadAsync(key, cancellation: cancellation))
        {
            if (content is null)
                return null;
            entry = new BackupEntry(key, content.Info.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(content.Stream, cancellation)), content.Info.ETag);
        }
        if (await HoldsAsync(entry, cancellation))
            return entry;
        try
        {
            await using var again = new ConcatenatedBlobStream(source, [key], entry.Length, entry.Sha256);
            Count(await store.WriteAsync(KeyOf(entry), again, cancellation: cancellation));
            return entry;
        }
        catch (GridException e) when (e.Code is ErrorCodes.DigestMismatch or ErrorCodes.Conflict)
        {
            return null;
        }
    }

    private void Count(BlobInfo written)
    {
        AddedObjects++;
        AddedBytes += written.Length;
    }
}
