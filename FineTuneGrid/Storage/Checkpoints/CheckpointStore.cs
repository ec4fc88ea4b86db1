using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// The committed state of one job's training: immutable parts and manifests named by their digests, and a head that is
/// replaced by compare-and-swap. A trainer of an older epoch cannot commit, however late it wakes up. Every method may be
/// repeated after any failure.
/// <para>
/// Failures are GridExceptions: fenced (another epoch owns the job), conflict, corrupt_checkpoint, insufficient_storage, and
/// unavailable where the storage failed in between and the outcome is unknown: repeat the call.
/// </para>
/// </summary>
public sealed class CheckpointStore
{
    /// <summary>Committed manifests that a head names at most.</summary>
    private const int MaxRecent = 32;
    private const int MaxParts = 1000;
    private const int MaxPartName = 100;

    /// <summary>For a part that another process writes: its upload has begun when this one is told of it.</summary>
    private static readonly TimeSpan AwaitLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan AwaitInterval = TimeSpan.FromMilliseconds(50);

    private readonly IBlobStore _store;
    private readonly string _jobId;
    private readonly CheckpointKeys _keys;
    private readonly CheckpointBlobs _blobs;
    private readonly TimeProvider _time;

    public CheckpointStore(IBlobStore store, string jobId, TimeProvider? time = null)
    {
        _keys = new CheckpointKeys(jobId);
        _store = store;
        _jobId = jobId;
        _blobs = new CheckpointBlobs(store, _keys);
        _time = time ?? TimeProvider.System;
    }

    /// <summary>The current head, or null where no epoch was ever begun.</summary>
    public Task<CheckpointHeadVersion?> ReadHeadAsync(CancellationToken cancellation = default) =>
        StorageFaults.TypedAsync("reading the head of job " + _jobId, () => _blobs.ReadHeadAsync(cancellation));

    /// <summary>
    /// Begins an epoch: from here on no earlier trainer can commit. What was committed is carried over; a head that is
    /// finished stays so, and the caller must not train on.
    /// </summary>
    /// <param name="operation">Unique to the request: repeating it is harmless, a rival's request for the same epoch is refused.</param>
    /// <exception cref="GridException">fenced: the job has this epoch by another operation, or a higher one.</exception>
    public Task<CheckpointHeadVersion> FenceAsync(long epoch, string operation, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentException.ThrowIfNullOrEmpty(operation);
        return StorageFaults.TypedAsync("beginning an epoch of job " + _jobId, () => FenceOnceAsync(epoch, operation, cancellation));
    }

    /// <summary>
    /// Makes the state durable and then the head of the job. When this returns, a restore anywhere gives this state or a
    /// later one. A repetition that finds its own state committed succeeds.
    /// </summary>
    /// <exception cref="GridException">fenced: another epoch owns the job; conflict: this epoch committed this step or a later one, or the training is finished.</exception>
    public Task<CheckpointHeadVersion> CommitAsync(CheckpointCommit commit, CancellationToken cancellation = default)
    {
        CheckArguments(commit);
        return StorageFaults.TypedAsync($"committing step {commit.Step} of job {_jobId}", () => CommitOnceAsync(commit, cancellation));
    }

    /// <summary>Makes one part durable that another process commits, <see cref="CheckpointPart.FromElsewhere"/>.</summary>
    public Task<CheckpointPartInfo> WritePartAsync(CheckpointPart part, CancellationToken cancellation = default) =>
        StorageFaults.TypedAsync($"writing the part {part.Name} of job {_jobId}", async () =>
        {
            var described = await part.DescribedAsync(cancellation);
            await _blobs.WritePartAsync(described, described.Info!, isInNewest: false, cancellation);
            return described.Info!;
        });

    /// <summary>The newest committed state that is intact, or null where nothing was committed yet.</summary>
    /// <exception cref="GridException">corrupt_checkpoint: there are committed states but none is intact; the findings say why.</exception>
    public Task<RestoredCheckpoint?> RestoreAsync(CancellationToken cancellation = default) =>
        StorageFaults.TypedAsync("restoring job " + _jobId, () => RestoreOnceAsync(cancellation));

    /// <summary>One committed state, by the key of its manifest, every byte verified.</summary>
    /// <exception cref="GridException">corrupt_checkpoint: damaged, or missing because it was collected.</exception>
    public Task<RestoredCheckpoint> OpenAsync(string manifest, CancellationToken cancellation = default)
    {
        if (!manifest.StartsWith(_keys.Folder, StringComparison.Ordinal))
            throw new ArgumentException($"'{manifest}' is no manifest of job {_jobId}.", nameof(manifest));
        return StorageFaults.TypedAsync($"opening a checkpoint of job {_jobId}", () => OpenOnceAsync(manifest, [], cancellation));
    }

    /// <summary>The bytes of a part, verified.</summary>
    /// <exception cref="GridException">corrupt_checkpoint: damaged or missing.</exception>
    public Task<byte[]> ReadPartAsync(CheckpointPartInfo part, CancellationToken cancellation = default) =>
        StorageFaults.TypedAsync($"reading the part {part.Name} of job {_jobId}", () => _blobs.ReadPartAsync(part, cancellation));

    /// <summary>The blob key of the head.</summary>
    public string HeadKey => _keys.Head;

    /// <summary>The blob keys of a manifest and of its parts. The parts are not looked at.</summary>
    /// <exception cref="GridException">corrupt_checkpoint: the manifest is damaged, or missing because it was collected.</exception>
    public Task<IReadOnlyList<string>> KeysOfAsync(string manifest, CancellationToken cancellation = default) =>
        StorageFaults.TypedAsync<IReadOnlyList<string>>($"reading a manifest of job {_jobId}", async () =>
            [manifest, .. (await _blobs.ReadManifestAsync(manifest, cancellation)).Parts.Select(PartKey)]);

    /// <summary>The blob key of a part, for readers that copy it.</summary>
    public string PartKey(CheckpointPartInfo part) => _keys.Part(part.Sha256);

    /// <summary>A part as a local file for mapping. Not verified again: a restore that named it has just done so.</summary>
    public Task<LocalFile> OpenPartAsync(CheckpointPartInfo part, CancellationToken cancellation = default) =>
        StorageFaults.TypedAsync($"opening the part {part.Name} of job {_jobId}", async () =>
            await _store.OpenLocalAsync(_keys.Part(part.Sha256), cancellation)
            ?? throw CheckpointBlobs.Corrupt(_keys.Part(part.Sha256), "is missing"));

    /// <summary>
    /// Removes manifests and parts that the last <paramref name="keepLast"/> commits do not need and that are older than
    /// <paramref name="minAge"/>, which must exceed the longest time a trainer may take between a part and its commit.
    /// </summary>
    public Task<CheckpointCollection> CollectAsync(int keepLast, TimeSpan minAge, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keepLast, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(minAge, TimeSpan.Zero);
        var collector = new CheckpointCollector(_store, _keys, _blobs, _time);
        return StorageFaults.TypedAsync("collecting old checkpoints of job " + _jobId, () => collector.CollectAsync(keepLast, minAge, cancellation));
    }

    /// <summary>
    /// What <see cref="CollectAsync"/> would remove, in the order in which it does: each only as the version listed here.
    /// </summary>
    public Task<List<BlobInfo>> FindCollectableAsync(int keepLast, TimeSpan minAge, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keepLast, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(minAge, TimeSpan.Zero);
        var collector = new CheckpointCollector(_store, _keys, _blobs, _time);
        return StorageFaults.TypedAsync("looking for old checkpoints of job " + _jobId, () => collector.FindAsync(keepLast, minAge, cancellation));
    }

    private async Task<CheckpointHeadVersion> FenceOnceAsync(long epoch, string operation, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await _blobs.ReadHeadAsync(cancellation);
            if (read?.Head is { } head)
            {
                if (head.Epoch == epoch && head.Fence == operation)
                    return read;
                if (head.Epoch >= epoch)
                    throw new GridException(ErrorCodes.Fenced, $"Epoch {epoch} of job {_jobId} cannot begin: it is in epoch {head.Epoch}, begun by another request. Read the job's state again.");
            }
            var next = new CheckpointHead(epoch, operation, read?.Head.Recent ?? [], read?.Head.Finished ?? false, read?.Head.Commit);
            try
            {
                return await _blobs.WriteHeadAsync(next, read?.ETag, cancellation);
            }
            catch (BlobConflictException)
            {
                // Someone committed or fenced, or our own write is the version in the way: the next look tells.
            }
        }
    }

    private async Task<CheckpointHeadVersion> CommitOnceAsync(CheckpointCommit commit, CancellationToken cancellation)
    {
        var read = await _blobs.ReadHeadAsync(cancellation);
        // Before the upload: an outlived trainer need not fill the store.
        CheckEpoch(read, commit);
        var parts = new List<CheckpointPartInfo>();
        foreach (var part in commit.Parts)
            parts.Add((await part.DescribedAsync(cancellation)).Info!);
        var manifest = new CheckpointManifest(commit.Epoch, commit.Step, commit.Cursor, parts, commit.Finished, commit.Metadata, Previous: null);
        var identity = SealedJson.Digest(JsonSerializer.SerializeToUtf8Bytes(manifest, SealedJson.Options));
        if (IsCommitted(read, commit, identity))
            return read!;
        CheckOrder(read!.Head, commit);

        var committed = await NewestPartsAsync(read.Head, cancellation);
        foreach (var (part, info) in commit.Parts.Zip(parts))
        {
            if (part.Awaited is { } giveUp) await AwaitPartAsync(info, giveUp, cancellation);
            else await _blobs.WritePartAsync(part, info, committed.Contains(info.Sha256), cancellation);
        }
        var key = await _blobs.WriteManifestAsync(manifest with { Previous = read.Head.Newest?.Manifest }, cancellation);
        var recent = read.Head.Recent.Prepend(new CheckpointReference(key, commit.Epoch, commit.Step)).Take(MaxRecent);
        var next = read.Head with { Recent = [.. recent], Finished = commit.Finished, Commit = identity };
        try
        {
            return await _blobs.WriteHeadAsync(next, read.ETag, cancellation);
        }
        catch (BlobConflictException e)
        {
            var found = await _blobs.ReadHeadAsync(cancellation);
            CheckEpoch(found, commit);
            if (IsCommitted(found, commit, identity))
                return found!;
            throw new GridException(ErrorCodes.Conflict, $"Step {commit.Step} of job {_jobId} was not committed: epoch {commit.Epoch} committed step {found!.Head.Step} meanwhile, which only one trainer should do.", inner: e);
        }
    }

    private async Task AwaitPartAsync(CheckpointPartInfo part, CancellationToken giveUp, CancellationToken cancellation)
    {
        var started = _time.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(giveUp, cancellation);
        while (!await _blobs.IsThereAsync(part, over.Token))
        {
            if (_time.GetElapsedTime(started) > AwaitLimit)
                throw new GridException(ErrorCodes.Unavailable, $"The part {part.Name} of job {_jobId}, which another process writes, did not come within {AwaitLimit.TotalMinutes} minutes.");
            await Task.Delay(AwaitInterval, _time, over.Token);
        }
        await _blobs.VerifyPartAsync(part, cancellation);
    }

    /// <summary>Digests of the parts of the newest commit; none where its manifest is damaged.</summary>
    private async Task<HashSet<string>> NewestPartsAsync(CheckpointHead head, CancellationToken cancellation)
    {
        if (head.Newest is not { } newest)
            return [];
        try
        {
            var manifest = await _blobs.ReadManifestAsync(newest.Manifest, cancellation);
            return [.. manifest.Parts.Select(p => p.Sha256)];
        }
        catch (GridException e) when (e.Code == ErrorCodes.CorruptCheckpoint)
        {
            return [];
        }
    }

    private async Task<RestoredCheckpoint?> RestoreOnceAsync(CancellationToken cancellation)
    {
        var read = await _blobs.ReadHeadAsync(cancellation);
        var skipped = new List<SkippedCheckpoint>();
        foreach (var reference in read?.Head.Recent ?? [])
        {
            try
            {
                return await OpenOnceAsync(reference.Manifest, skipped, cancellation);
            }
            catch (GridException e) when (e.Code == ErrorCodes.CorruptCheckpoint)
            {
                skipped.Add(new SkippedCheckpoint(reference.Manifest, reference.Step, e.Message));
            }
        }
        if (skipped.Count == 0)
            return null;
        throw new GridException(ErrorCodes.CorruptCheckpoint, $"None of the {skipped.Count} committed checkpoints of job {_jobId} is intact ({skipped[0].Reason}) Restore the files from a backup or submit the job again.")
        {
            Findings = [.. skipped.Select(s => new GridFinding(s.Key, s.Reason))],
        };
    }

    private async Task<RestoredCheckpoint> OpenOnceAsync(string key, IReadOnlyList<SkippedCheckpoint> skipped, CancellationToken cancellation)
    {
        var manifest = await _blobs.ReadManifestAsync(key, cancellation);
        foreach (var part in manifest.Parts)
            await _blobs.VerifyPartAsync(part, cancellation);
        return new RestoredCheckpoint(key, manifest, skipped);
    }

    private void CheckEpoch(CheckpointHeadVersion? read, CheckpointCommit commit)
    {
        if (read is null)
            throw new GridException(ErrorCodes.Fenced, $"Step {commit.Step} of job {_jobId} was not committed: no epoch was begun. Begin epoch {commit.Epoch} first.");
        if (read.Head.Epoch != commit.Epoch)
            throw new GridException(ErrorCodes.Fenced, $"Step {commit.Step} of job {_jobId} was not committed: the trainer has epoch {commit.Epoch}, the job is in epoch {read.Head.Epoch}. This trainer must stop.");
    }

    private void CheckOrder(CheckpointHead head, CheckpointCommit commit)
    {
        if (head.Finished)
            throw new GridException(ErrorCodes.Conflict, $"Step {commit.Step} of job {_jobId} was not committed: the training finished at step {head.Step}.");
        // A new epoch may begin below the head, where the newest checkpoints were damaged; within an epoch steps only grow.
        if (head.Newest is { } newest && newest.Epoch == commit.Epoch && commit.Step <= newest.Step)
            throw new GridException(ErrorCodes.Conflict, $"Step {commit.Step} of job {_jobId} was not committed: epoch {commit.Epoch} has committed step {newest.Step} already.");
    }

    private static bool IsCommitted(CheckpointHeadVersion? read, CheckpointCommit commit, string identity) =>
        read is not null && read.Head.Epoch == commit.Epoch && read.Head.Commit == identity;

    private static void CheckArguments(CheckpointCommit commit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(commit.Step);
        ArgumentOutOfRangeException.ThrowIfNegative(commit.Cursor);
        if (commit.Parts.Count is 0 or > MaxParts || commit.Parts.DistinctBy(p => p.Name).Count() != commit.Parts.Count)
            throw new ArgumentException($"A checkpoint has 1 to {MaxParts} parts with different names.", nameof(commit));
        if (commit.Parts.FirstOrDefault(p => !BlobKey.IsValid(p.Name) || p.Name.Contains('/') || p.Name.Length > MaxPartName) is { } wrong)
            throw new ArgumentException($"The part name '{wrong.Name}' is not 1 to {MaxPartName} of A-Z a-z 0-9 . _ -", nameof(commit));
    }
}
