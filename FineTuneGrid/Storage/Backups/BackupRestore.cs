using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Backups;

/// <summary>
/// Fills an empty store from a snapshot, what is referred to before what refers to it. A restore that was interrupted is gone on
/// with by another of the same snapshot; until then no host starts on the store.
/// </summary>
public static class BackupRestore
{
    private const string Marker = "restore/unfinished.json";

    private sealed record Unfinished(string Snapshot);

    /// <exception cref="GridException">already_exists: the store is not empty; corrupt_checkpoint: a copied blob is damaged.</exception>
    public static async Task RunAsync(BackupArchive archive, BackupSnapshot snapshot, IBlobStore target, CancellationToken cancellation = default)
    {
        var goesOn = await BeginAsync(snapshot, target, cancellation);
        foreach (var entry in snapshot.Entries.Reverse())
        {
            if (goesOn && await target.Sha256Async(entry.Key, cancellation) == entry.Sha256)
                continue;
            try
            {
                await using var content = archive.Open(entry);
                await target.WriteAsync(entry.Key, content, cancellation: cancellation);
            }
            catch (GridException e) when (e.Code is ErrorCodes.DigestMismatch or ErrorCodes.Conflict)
            {
                throw new GridException(ErrorCodes.CorruptCheckpoint, $"The copy of '{entry.Key}' in snapshot '{snapshot.Id}' is missing or damaged; restore another snapshot into an empty place.", inner: e);
            }
        }
        await target.DeleteAsync(Marker, cancellation: cancellation);
    }

    /// <exception cref="GridException">conflict: a restore into this store was begun and not ended.</exception>
    public static async Task RequireFinishedAsync(IBlobStore store, CancellationToken cancellation = default)
    {
        if (await store.ReadJsonAsync<Unfinished>(Marker, cancellation: cancellation) is var (_, unfinished))
            throw new GridException(ErrorCodes.Conflict, $"The restore of snapshot '{unfinished.Snapshot}' into this store was not ended; run it again.", "--data");
    }

    private static async Task<bool> BeginAsync(BackupSnapshot snapshot, IBlobStore target, CancellationToken cancellation)
    {
        if (await target.ReadJsonAsync<Unfinished>(Marker, cancellation: cancellation) is var (_, unfinished))
            return unfinished.Snapshot == snapshot.Id
                ? true
                : throw new GridException(ErrorCodes.Conflict, $"The restore of snapshot '{unfinished.Snapshot}' into this store was not ended; end it, or choose an empty place.", "--data");
        await foreach (var blob in target.ListAsync("", cancellation))
            throw new GridException(ErrorCodes.AlreadyExists, $"The store is not empty (it holds '{blob.Key}'); restore into an empty data directory or container.", "--data");
        await target.WriteJsonAsync(Marker, new Unfinished(snapshot.Id), WriteCondition.IfAbsent, cancellation: cancellation);
        return false;
    }
}
