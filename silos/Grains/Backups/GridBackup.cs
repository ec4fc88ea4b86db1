using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Audit;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Storage;
using FineTuneGrid.Storage.Backups;

namespace FineTuneGrid.Grains.Backups;

/// <summary>
/// A consistent copy of a store that others write to. What refers is copied before what it refers to: the latter is never
/// changed, or only grows, so the later copy still holds what the earlier one asks for. What was deleted in between is noticed,
/// and its reference is read anew. The list of jobs comes first: a job that is submitted later belongs to the next backup.
/// <para>
/// Not copied: what nodes and the pool remember of each other, which a restored grid learns anew from its nodes and jobs;
/// unfinished uploads; answers kept under idempotency keys.
/// </para>
/// </summary>
public sealed class GridBackup(IBlobStore source, BackupArchive archive, TimeProvider time)
{
    private const string JobIndex = "index/jobs/";
    private const string Replies = "idempotency/replies/";
    private static readonly string[] NotCopied = ["pool", "node", "job", "model", "dataset", "adapter"];

    private readonly BackupCopies _copies = new(source, archive);

    /// <param name="files">Files of the data directory outside the store, by their paths in it.</param>
    /// <exception cref="GridException">unavailable: something changed faster than it could be copied.</exception>
    public async Task<BackupSnapshot> RunAsync(IReadOnlyDictionary<string, byte[]> files, CancellationToken cancellation = default)
    {
        var at = time.GetUtcNow();
        var ids = await archive.IdsAsync(cancellation);
        _copies.Begin(ids.Count == 0 ? [] : (await archive.OpenAsync(ids[0], cancellation)).Entries);
        foreach (var job in await JobsAsync(cancellation))
            await JobAsync(job, cancellation);
        await AllAsync("installation/", _ => true, cancellation);
        await AllAsync(AuditRecord.Root, _ => true, cancellation);
        await AllAsync("idempotency/", key => !key.StartsWith(Replies, StringComparison.Ordinal), cancellation);
        await AllAsync("files/", _ => true, cancellation);
        await AllAsync("webhooks/", _ => true, cancellation);
        // Names before what they name.
        await AllAsync(GrainStates.Root, key => !NotCopied.Contains(StorageKey.Decode(key[GrainStates.Root.Length..].Split('/')[0])), cancellation);
        await EachAsync("model", (AssetState<ModelManifest>? s) => AssetAsync("models", s, cancellation), cancellation);
        await EachAsync("dataset", (AssetState<DatasetManifest>? s) => AssetAsync("datasets", s, cancellation), cancellation);
        await EachAsync("adapter", (AdapterState? s) => NeededAsync(s is { Deleted: false } ? s.Versions.SelectMany(v => v.View.Files).Select(f => f.Key) : [], cancellation), cancellation);
        var kept = new List<BackupEntry>();
        foreach (var (name, bytes) in files)
            kept.Add(await archive.AddBytesAsync(new BlobInfo(name, bytes.Length, "", at), bytes, cancellation));
        var snapshot = new BackupSnapshot(BackupSnapshot.CurrentFormat, BackupArchive.NewId(at), at, _copies.Entries, kept, _copies.Problems);
        await archive.CommitAsync(snapshot, cancellation);
        return snapshot;
    }

    private async Task<List<string>> JobsAsync(CancellationToken cancellation)
    {
        var jobs = new List<string>();
        foreach (var key in await source.ListAsync(JobIndex, cancellation).Select(b => b.Key).ToListAsync(cancellation))
        {
            if (await _copies.AddAsync(key, cancellation))
                jobs.Add(key[JobIndex.Length..].Split('.')[0]);
        }
        return jobs;
    }

    private Task JobAsync(string id, CancellationToken cancellation) => StateAsync<JobState>("job", id, async job =>
    {
        if (job is null or { Deleted: true })
            return true;
        // Whether a job is waked is its own state's to say here: the list of live jobs was another moment's.
        if (job.Live || !job.Settled)
            await _copies.AddEmptyAsync($"index/live/{id}", cancellation);
        return await new JobCopy(source, _copies, job).RunAsync(cancellation);
    }, cancellation);

    private async Task<bool> AssetAsync<T>(string root, AssetState<T>? asset, CancellationToken cancellation) where T : class
    {
        if (asset is null or { Deleted: true })
            return true;
        await _copies.AddAsync($"{root}/{asset.Id}/manifest.json", cancellation);
        foreach (var index in asset.Tokens.Values)
            await TokensAsync(index, cancellation);
        return await NeededAsync(asset.Files.Select(f => f.Key), cancellation);
    }

    /// <summary>A tokenised form, which can be made anew: one that is not whole is left out.</summary>
    private async Task TokensAsync(string index, CancellationToken cancellation)
    {
        if (await source.ReadJsonAsync<TokenIndex>(index, GridJson.Options, cancellation) is not var (_, tokens))
            return;
        foreach (var shard in tokens.Shards)
            if (!await _copies.AddAsync(shard.Key, cancellation))
                return;
        await _copies.AddAsync(index, cancellation);
    }

    private async Task<bool> NeededAsync(IEnumerable<string> keys, CancellationToken cancellation)
    {
        foreach (var key in keys)
            if (!await _copies.AddAsync(key, cancellation))
                return false;
        return true;
    }

    private async Task AllAsync(string prefix, Func<string, bool> which, CancellationToken cancellation)
    {
        await foreach (var blob in source.ListAsync(prefix, cancellation))
            if (which(blob.Key))
                await _copies.AddAsync(blob.Key, cancellation);
    }

    private async Task EachAsync<T>(string type, Func<T?, Task<bool>> copy, CancellationToken cancellation) where T : class
    {
        foreach (var id in await new GrainStates(source).KeysAsync(type, cancellation).ToListAsync(cancellation))
            await StateAsync(type, id, copy, cancellation);
    }

    /// <summary>A state, and then what it asks for; again from the state where that went away meanwhile.</summary>
    private async Task StateAsync<T>(string type, string id, Func<T?, Task<bool>> copy, CancellationToken cancellation) where T : class
    {
        var key = GrainStates.KeyOf(type, id);
        for (var attempt = 0; attempt < BackupCopies.Attempts; attempt++)
        {
            if (await source.ReadAllBytesAsync(key, cancellation: cancellation) is not var (info, bytes))
                return;
            var mark = _copies.Mark();
            await _copies.AddBytesAsync(info, bytes, cancellation);
            if (await copy(StateVersion.Parse<Stored<T>>(bytes, key).Value))
                return;
            _copies.Reset(mark);
        }
        throw new GridException(ErrorCodes.Unavailable, $"Something that {type} {id} needs is missing from the store, also after {BackupCopies.Attempts} looks; housekeeping or a restore may tell why. No snapshot was made.");
    }
}
