using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>
/// What may go, as a function of a listing, of references that were read after the listing, and of the time.
/// <para>
/// Why nothing goes that becomes referenced in between: a file's key is made for one request, which names it in the state within
/// <see cref="RetentionPolicy.Unreferenced"/> of writing it, or never; what is written again under an old key gets another ETag
/// than the one listed; whoever takes over a tokenised form holds the data set first and then writes its index again; a deleted
/// thing never comes back. Blobs in places that these rules do not know are nobody's business here and stay.
/// </para>
/// </summary>
public sealed class GarbageRules(RetentionPolicy policy, DateTimeOffset now)
{
    private const string IndexName = "/index.json";

    /// <summary>A folder <c>models/{id}/</c> or <c>datasets/{id}/</c>.</summary>
    /// <param name="references">Null where there is no such model or data set.</param>
    public IEnumerable<Garbage> Asset(string folder, IReadOnlyList<BlobInfo> blobs, AssetReferences? references)
    {
        if (references is null or { Deleted: true })
            return Gone(blobs, deleted: references is not null);
        return
        [
            .. Unreferenced(Below(blobs, $"{folder}source/"), references.Files),
            .. Uploads(Below(blobs, $"{folder}uploads/"), $"{folder}uploads/"),
            .. Exports(Below(blobs, $"{folder}exports/")),
            .. references.InUse ? [] : Tokens(Below(blobs, $"{folder}tokens/"), $"{folder}tokens/", references.Tokens),
        ];
    }

    /// <summary>A folder <c>adapters/{id}/</c>.</summary>
    public IEnumerable<Garbage> Adapter(IReadOnlyList<BlobInfo> blobs, AdapterReferences? references) =>
        references is null or { Deleted: true } ? Gone(blobs, deleted: references is not null)
            : [.. Unreferenced(blobs.Where(b => ExportOf(b) is null), references.Files), .. Exports(blobs)];

    /// <summary>A folder <c>jobs/{id}/</c> of a job that is not there; what an existing job's checkpoints need is the checkpoint store's to say.</summary>
    public IEnumerable<Garbage> Job(IReadOnlyList<BlobInfo> blobs, bool deleted) => Gone(blobs, deleted);

    /// <summary>A folder <c>drafts/{digest}/</c>: files of an adapter that is being pushed. What names them goes first.</summary>
    public IEnumerable<Garbage> Draft(string folder, IReadOnlyList<BlobInfo> blobs) => AllOlder(blobs, policy.Uploads)
        ? [new Garbage(GarbageKinds.Uploads, [.. blobs.OrderBy(b => !IsBelow(b, $"{folder}files/"))])]
        : [];

    /// <summary>A folder <c>files/{file}/</c>: its record, and the bytes of one that is no data set.</summary>
    public IEnumerable<Garbage> File(string folder, IReadOnlyList<BlobInfo> blobs) => blobs.Any(b => b.Key == $"{folder}file.json") ? [] : Gone(blobs, deleted: false);

    /// <summary>A folder <c>uploads/{upload}/</c>: a file that comes in parts. Nothing is added once its time is over. The record goes first.</summary>
    public IEnumerable<Garbage> OpenUpload(string folder, IReadOnlyList<BlobInfo> blobs) => AllOlder(blobs, policy.OpenUploads)
        ? [new Garbage(GarbageKinds.Uploads, [.. blobs.OrderBy(b => b.Key != $"{folder}upload.json")])]
        : [];

    /// <summary>A blob below <c>idempotency/</c>.</summary>
    public IEnumerable<Garbage> Idempotency(BlobInfo blob, string replies) =>
        IsOlder(blob, IsBelow(blob, replies) ? policy.IdempotencyReplies : policy.IdempotencyClaims) ? [new Garbage(GarbageKinds.Idempotency, [blob])] : [];

    /// <summary>A blob of the audit log.</summary>
    public IEnumerable<Garbage> Audit(BlobInfo blob) => IsOlder(blob, policy.Audit) ? [new Garbage(GarbageKinds.Audit, [blob])] : [];

    /// <summary>What was deleted goes at once; what never came to be, once nobody can be at work on it.</summary>
    private IEnumerable<Garbage> Gone(IReadOnlyList<BlobInfo> blobs, bool deleted) => deleted || AllOlder(blobs, policy.Unreferenced)
        ? blobs.Select(b => new Garbage(deleted ? GarbageKinds.Deleted : GarbageKinds.Unreferenced, [b]))
        : [];

    private IEnumerable<Garbage> Unreferenced(IEnumerable<BlobInfo> blobs, IReadOnlySet<string> files) =>
        blobs.Where(b => !files.Contains(b.Key) && IsOlder(b, policy.Unreferenced)).Select(b => new Garbage(GarbageKinds.Unreferenced, [b]));

    /// <summary>Pieces <c>{upload}/{offset}</c>, the last first, so that what an interruption leaves is a shorter upload and no gap.</summary>
    private IEnumerable<Garbage> Uploads(IEnumerable<BlobInfo> pieces, string folder) =>
        from upload in pieces.GroupBy(p => FirstPart(p, folder))
        where AllOlder(upload, policy.Uploads)
        select new Garbage(GarbageKinds.Uploads, [.. upload.OrderByDescending(p => p.Key, StringComparer.Ordinal)]);

    /// <summary>The index goes before its shards, so that nobody finds an index without them.</summary>
    private IEnumerable<Garbage> Tokens(IEnumerable<BlobInfo> blobs, string folder, IReadOnlySet<string> live) =>
        from form in blobs.GroupBy(b => FirstPart(b, folder))
        where !live.Contains(folder + form.Key + IndexName) && AllOlder(form, policy.Unreferenced)
        select new Garbage(GarbageKinds.Tokens, [.. form.OrderBy(b => !b.Key.EndsWith(IndexName, StringComparison.Ordinal))]);

    /// <summary>The record goes before its files, so that nobody finds one without them.</summary>
    private IEnumerable<Garbage> Exports(IEnumerable<BlobInfo> blobs) =>
        from export in blobs.Where(b => ExportOf(b) is not null).GroupBy(ExportOf)
        let whole = export.Any(IsRecord)
        where AllOlder(export, whole ? policy.Exports : policy.Unreferenced)
        select new Garbage(GarbageKinds.Exports, [.. export.OrderBy(b => !IsRecord(b))]);

    /// <summary>The folder <c>.../exports/{name}/</c> that a blob lies in, or null.</summary>
    private static string? ExportOf(BlobInfo blob) =>
        blob.Key.Split('/') is [.. var path, "exports", var name, _] ? $"{string.Join('/', path)}/{name}" : null;

    private static bool IsRecord(BlobInfo blob) => blob.Key.EndsWith("/" + ExportRecord.FileName, StringComparison.Ordinal);

    private bool AllOlder(IEnumerable<BlobInfo> blobs, TimeSpan age) => blobs.All(b => IsOlder(b, age));

    private bool IsOlder(BlobInfo blob, TimeSpan age) => blob.Modified <= now - age;

    private static IEnumerable<BlobInfo> Below(IEnumerable<BlobInfo> blobs, string prefix) => blobs.Where(b => IsBelow(b, prefix));

    private static bool IsBelow(BlobInfo blob, string prefix) => blob.Key.StartsWith(prefix, StringComparison.Ordinal);

    private static string FirstPart(BlobInfo blob, string folder) => blob.Key[folder.Length..].Split('/')[0];
}
