using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.Quotas;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.OpenAi.Uploads;

/// <summary>
/// Files that come in parts. A part is a blob; completing streams the parts in the given order into the file. Each step may be
/// repeated, by the sender or after a crash.
/// </summary>
public sealed class UploadStore(IBlobStore store, FileDrafts drafts, FileStore files, QuotaGate quotas, GatewayOptions options, TimeProvider time)
{
    private const string IdKind = "upload";
    private const string PartKind = "part";

    public async Task<UploadRecord> CreateAsync(string organisation, UploadRequest request, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var upload = UploadRules.Create(request, organisation, Ids.New(IdKind, now), FileStore.NewId(now), options.MaxOpenAiUploadBytes, now);
        // What has no room is refused before its first byte.
        using (await quotas.ReserveAsync(organisation, upload.Bytes))
        {
            await store.WriteJsonAsync(UploadKeys.Record(organisation, upload.Id), upload, WriteCondition.IfAbsent, GridJson.Options, ct);
        }
        return upload;
    }

    /// <summary>Takes one part.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> AddPartAsync(string organisation, string id, Stream content, CancellationToken ct)
    {
        var (_, upload) = await ReadAsync(organisation, id, ct);
        UploadRules.RequireOpen(upload, time.GetUtcNow());
        var parts = await PartsAsync(upload, ct);
        UploadRules.RequireRoom(upload, parts.Count, parts.Values.Sum());
        var part = Ids.New(PartKind, time.GetUtcNow());
        using var room = await quotas.ReserveAsync(organisation, null);
        var limit = Math.Min(UploadRules.MaxPartBytes, room.Most);
        await using var body = new CheckedStream(content, limit, null, limit < UploadRules.MaxPartBytes ? room.Refuse : TooLarge);
        var length = (await store.WriteAsync(KeyOf(upload, part), body, WriteCondition.IfAbsent, ct)).Length;
        room.Stored(length);
        return part;
    }

    /// <summary>Makes the file of the parts. Done before, it gives the same file again.</summary>
    /// <param name="md5">What the whole must have; null for anything.</param>
    public async Task<(UploadRecord Upload, FileEntry File)> CompleteAsync(string organisation, string id, IReadOnlyList<string>? partIds, string? md5, CancellationToken ct)
    {
        md5 = UploadRules.CheckMd5(md5);
        var (info, upload) = await ReadAsync(organisation, id, ct);
        if (upload.Status == UploadStatus.Completed && await files.EntryAsync(organisation, upload.FileId, ct) is { } known) return (upload, known);
        if (upload.Status != UploadStatus.Completed) UploadRules.RequireOpen(upload, time.GetUtcNow());
        UploadRules.CheckParts(upload, partIds, await PartsAsync(upload, ct));
        await using var draft = drafts.Begin(organisation, upload.FileId);
        await using (var content = new ConcatenatedBlobStream(store, [.. partIds!.Select(p => KeyOf(upload, p))], upload.Bytes, sha256: null))
        {
            // The parts, which it replaces, were counted when they came.
            await draft.ReceiveAsync(upload.Filename, content, options.MaxOpenAiUploadBytes, QuotaRoom.Unlimited, md5, ct);
        }
        if (upload.Status == UploadStatus.Pending) upload = await EndAsync(info, upload, UploadStatus.Completed, ct);
        var file = await draft.KeepAsync(upload.Lifetime, ct);
        await RemovePartsAsync(upload, ct);
        return (upload, file);
    }

    /// <summary>Ends it without a file. Done before, nothing changes.</summary>
    public async Task<UploadRecord> CancelAsync(string organisation, string id, CancellationToken ct)
    {
        var (info, upload) = await ReadAsync(organisation, id, ct);
        if (upload.Status != UploadStatus.Cancelled)
        {
            UploadRules.RequireOpen(upload, time.GetUtcNow());
            upload = await EndAsync(info, upload, UploadStatus.Cancelled, ct);
        }
        await RemovePartsAsync(upload, ct);
        return upload;
    }

    private async Task<(BlobInfo Info, UploadRecord Upload)> ReadAsync(string organisation, string id, CancellationToken ct) =>
        Ids.IsId(id, IdKind) && await store.ReadJsonAsync<UploadRecord>(UploadKeys.Record(organisation, id), GridJson.Options, ct) is var (info, upload)
            ? (info, upload) : throw NameResolver.Missing("upload", id);

    private async Task<UploadRecord> EndAsync(BlobInfo read, UploadRecord upload, UploadStatus status, CancellationToken ct)
    {
        try
        {
            upload = upload with { Status = status };
            await store.WriteJsonAsync(read.Key, upload, WriteCondition.Replacing(read), GridJson.Options, ct);
            return upload;
        }
        catch (BlobConflictException e)
        {
            throw new GridException(ErrorCodes.Conflict, $"The upload '{upload.Id}' was completed or cancelled by another request.", "upload_id", e);
        }
    }

    private async Task<Dictionary<string, long>> PartsAsync(UploadRecord upload, CancellationToken ct)
    {
        var (parts, folder) = (new Dictionary<string, long>(), UploadKeys.Parts(upload.Organisation, upload.Id));
        await foreach (var blob in store.ListAsync(folder, ct)) parts[blob.Key[folder.Length..]] = blob.Length;
        return parts;
    }

    private async Task RemovePartsAsync(UploadRecord upload, CancellationToken ct)
    {
        await foreach (var blob in store.ListAsync(UploadKeys.Parts(upload.Organisation, upload.Id), ct)) await store.DeleteAsync(blob.Key, cancellation: ct);
    }

    private static string KeyOf(UploadRecord upload, string part) => UploadKeys.Parts(upload.Organisation, upload.Id) + part;

    private static GridException TooLarge() => new(ErrorCodes.TooLarge, $"A part may have at most {UploadRules.MaxPartBytes} bytes.", "data");
}
