using System.Runtime.CompilerServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Audit;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>Lists the store folder by folder and asks the rules. A folder's references are read after its listing, never before.</summary>
internal sealed class GarbageFinder(IBlobStore blobs, GrainStates states, RetentionPolicy policy, TimeProvider time)
{
    private const string Replies = "idempotency/replies/";

    private readonly GarbageRules _rules = new(policy, time.GetUtcNow());

    /// <param name="problems">Takes what could not be looked at.</param>
    public async IAsyncEnumerable<Garbage> FindAsync(List<GridFinding> problems, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var models = await ModelDigestsAsync(cancellation);
        (string Root, Func<Folder, Task<IEnumerable<Garbage>>> Ask)[] roots =
        [
            ("jobs/", f => JobAsync(f, cancellation)),
            ("models/", async f => _rules.Asset(f.Prefix, f.Blobs, await states.ModelAsync(f.Id, cancellation) is { } model ? References.Of(model) : null)),
            ("datasets/", async f => _rules.Asset(f.Prefix, f.Blobs, await states.DatasetAsync(f.Id, cancellation) is { } data ? References.Of(data, models) : null)),
            ("adapters/", async f => _rules.Adapter(f.Blobs, await states.AdapterAsync(f.Id, cancellation) is { } adapter ? References.Of(adapter) : null)),
            ("drafts/", f => Task.FromResult(_rules.Draft(f.Prefix, f.Blobs))),
            ("files/", f => Task.FromResult(_rules.File(f.Prefix, f.Blobs))),
            ("uploads/", f => Task.FromResult(_rules.OpenUpload(f.Prefix, f.Blobs))),
        ];
        foreach (var (root, ask) in roots)
        {
            await foreach (var folder in FoldersAsync(root, cancellation))
            {
                foreach (var garbage in await AskAsync(folder, ask, problems))
                    yield return garbage;
            }
        }
        await foreach (var blob in blobs.ListAsync("idempotency/", cancellation))
        {
            foreach (var garbage in _rules.Idempotency(blob, Replies))
                yield return garbage;
        }
        await foreach (var blob in blobs.ListAsync(AuditRecord.Root, cancellation))
        {
            foreach (var garbage in _rules.Audit(blob))
                yield return garbage;
        }
    }

    /// <summary>What is damaged in one folder keeps nobody from the others.</summary>
    private static async Task<IReadOnlyList<Garbage>> AskAsync(Folder folder, Func<Folder, Task<IEnumerable<Garbage>>> ask, List<GridFinding> problems)
    {
        try
        {
            return [.. await ask(folder)];
        }
        catch (GridException e)
        {
            problems.Add(new GridFinding(folder.Prefix, e.Message));
            return [];
        }
    }

    private async Task<IEnumerable<Garbage>> JobAsync(Folder folder, CancellationToken cancellation)
    {
        if (await states.JobAsync(folder.Id, cancellation) is not { } job)
            return _rules.Job(folder.Blobs, deleted: false);
        if (job.Deleted)
            return _rules.Job(folder.Blobs, deleted: true);
        var old = await new CheckpointStore(blobs, folder.Id, time).FindCollectableAsync(job.Submission.Spec.Checkpoint.Keep, policy.Checkpoints, cancellation);
        return old.Select(blob => new Garbage(GarbageKinds.Checkpoints, [blob]));
    }

    private async Task<HashSet<string>> ModelDigestsAsync(CancellationToken cancellation)
    {
        var digests = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var id in states.KeysAsync("model", cancellation))
        {
            if (await states.ModelAsync(id, cancellation) is { Deleted: false, Manifest.Digest: { } digest })
                digests.Add(digest);
        }
        return digests;
    }

    /// <summary>Listings are in the order of keys, so a folder's blobs follow each other.</summary>
    private async IAsyncEnumerable<Folder> FoldersAsync(string root, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Folder? folder = null;
        await foreach (var blob in blobs.ListAsync(root, cancellation))
        {
            var id = blob.Key[root.Length..].Split('/')[0];
            if (folder is not null && folder.Id != id)
                yield return folder;
            if (folder?.Id != id)
                folder = new Folder($"{root}{id}/", id, []);
            folder.Blobs.Add(blob);
        }
        if (folder is not null)
            yield return folder;
    }

    private sealed record Folder(string Prefix, string Id, List<BlobInfo> Blobs);
}
