using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>
/// The files of organisations by OpenAI's protocol: a record each. Training data is a data set besides, named by the file's id,
/// which holds the bytes; where either is gone the other is as good as gone.
/// </summary>
public sealed class FileStore(IBlobStore store, IGrainFactory grains, GatewayOptions options, TimeProvider time)
{
    private const string IdKind = "file";
    private const int ReadAtOnce = 32;

    /// <summary>How long a sender is kept waiting for what the inspection finds. It goes on without.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static string NewId(DateTimeOffset now) => Ids.New(IdKind, now);

    /// <summary>The file, if the organisation has it. Training data was inspected when this returns: a job may name its data set.</summary>
    public async Task<OpenAiFile?> FindAsync(string organisation, string id, CancellationToken ct)
    {
        if (await ReadAsync(organisation, id, ct) is not { } record) return null;
        if (record.DatasetId is not null && !await InspectedAsync(record)) return null;
        return record.File;
    }

    /// <summary>The file as it stands now; null where there is none.</summary>
    public async Task<FileEntry?> EntryAsync(string organisation, string id, CancellationToken ct) =>
        await ReadAsync(organisation, id, ct) is { } record ? await EntryAsync(record) : null;

    /// <summary>Keeps what a job wrote. The organisation's quota does not stop it: the job was accepted.</summary>
    public async Task<OpenAiFile> AddResultAsync(string organisation, string filename, Stream content, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var id = NewId(now);
        var key = FileKeys.Content(organisation, id);
        await using var body = new CheckedStream(content, options.MaxOpenAiFileBytes, null);
        var length = (await store.WriteAsync(key, body, WriteCondition.IfAbsent, ct)).Length;
        var file = new OpenAiFile(id, length, now, FileNames.Check(filename, "filename"), FilePurposes.Results, null, Dataset: "");
        await TryRecordAsync(new FileRecord(organisation, file, body.Sha256!, key), ct);
        return file;
    }

    /// <summary>Its files, in the order in which they were made.</summary>
    public async Task<(IReadOnlyList<FileEntry> Files, bool HasMore)> ListAsync(string organisation, FileQuery query, CancellationToken ct)
    {
        var ids = new List<string>();
        await foreach (var blob in store.ListAsync(FileKeys.FilesOf(organisation), ct))
        {
            if (FileKeys.IsRecord(blob.Key)) ids.Add(FileKeys.IdOf(blob.Key));
        }
        var found = new List<FileEntry>();
        foreach (var some in query.Select(ids).Chunk(ReadAtOnce))
        {
            var entries = await Task.WhenAll(some.Select(id => EntryAsync(organisation, id, ct)));
            found.AddRange(entries.OfType<FileEntry>().Where(e => query.Purpose is null || e.File.Purpose == query.Purpose));
            if (found.Count > query.Limit) break;
        }
        return ([.. found.Take(query.Limit)], found.Count > query.Limit);
    }

    /// <summary>Where the file's bytes are; null where there is no such file.</summary>
    public async Task<SourceFile?> ContentAsync(string organisation, string id, CancellationToken ct) =>
        await ReadAsync(organisation, id, ct) is { } record ? new SourceFile("content", record.Key, record.File.Bytes, record.Sha256) : null;

    /// <summary>Removes the file and its data set; false where there is no such file.</summary>
    /// <exception cref="GridException"><c>in_use</c>: jobs use it.</exception>
    public async Task<bool> DeleteAsync(string organisation, string id, CancellationToken ct)
    {
        if (await ReadAsync(organisation, id, ct) is not { } record) return false;
        await DeleteAsync(record, ct);
        return true;
    }

    /// <summary>Removes every file whose time is over or whose data set was deleted. What jobs use waits for them.</summary>
    public async Task<int> SweepAsync(CancellationToken ct)
    {
        var removed = 0;
        await foreach (var blob in store.ListAsync(FileKeys.Root, ct))
        {
            if (!FileKeys.IsRecord(blob.Key) || await store.ReadJsonAsync<FileRecord>(blob.Key, GridJson.Options, ct) is not var (_, record)) continue;
            if (!IsOver(record) && await EntryAsync(record) is not null) continue;
            try
            {
                await DeleteAsync(record, ct);
                removed++;
            }
            catch (GridException e) when (e.Code == ErrorCodes.InUse)
            {
                continue;
            }
        }
        return removed;
    }

    /// <summary>Writes a file's record; false where it has one.</summary>
    internal async Task<bool> TryRecordAsync(FileRecord record, CancellationToken ct)
    {
        try
        {
            await store.WriteJsonAsync(FileKeys.Record(record.Organisation, record.File.Id), record, WriteCondition.IfAbsent, GridJson.Options, ct);
            return true;
        }
        catch (BlobConflictException)
        {
            return false;
        }
    }

    /// <summary>Sees to the data set of a file that has just come, and says what was found wrong with it if that is known soon.</summary>
    internal async Task<FileEntry> SettleAsync(string organisation, string id, CancellationToken ct)
    {
        var record = await ReadAsync(organisation, id, ct) ?? throw NameResolver.Missing("file", id);
        await Task.WhenAny(InspectedAsync(record), Task.Delay(Patience, time, ct));
        return await EntryAsync(record) ?? throw NameResolver.Missing("file", id);
    }

    private async Task<FileRecord?> ReadAsync(string organisation, string id, CancellationToken ct) =>
        Ids.IsId(id, IdKind) && await store.ReadJsonAsync<FileRecord>(FileKeys.Record(organisation, id), GridJson.Options, ct) is var (_, record) && !IsOver(record) ? record : null;

    private bool IsOver(FileRecord record) => record.File.ExpiresAt <= time.GetUtcNow();

    /// <summary>The record goes last: an interrupted deletion is done again.</summary>
    private async Task DeleteAsync(FileRecord record, CancellationToken ct)
    {
        var file = record.File;
        if (record.DatasetId is { } dataset)
        {
            if (await grains.GetGrain<IDatasetGrain>(dataset).Get() is not null) await grains.GetGrain<IDatasetGrain>(dataset).Delete();
            else await grains.GetGrain<IOrgGrain>(record.Organisation).Free(Ids.Dataset, file.Id, dataset);
        }
        await store.DeleteAsync(record.Key, cancellation: ct);
        await store.DeleteAsync(FileKeys.Record(record.Organisation, file.Id), cancellation: ct);
    }

    private async Task<FileEntry?> EntryAsync(FileRecord record)
    {
        var dataset = record.DatasetId is { } id ? await grains.GetGrain<IDatasetGrain>(id).Get() : null;
        if (dataset is null && await store.StatAsync(record.Key) is null) return null;
        return dataset switch
        {
            null when record.DatasetId is null => new FileEntry(record.File, FileEntry.Processed, null),
            { Status: AssetStatus.Ready } => new FileEntry(record.File, FileEntry.Processed, null),
            { Status: AssetStatus.Failed, Error: { } error } => new FileEntry(record.File, FileEntry.Error, error.Message),
            _ => new FileEntry(record.File, FileEntry.Uploaded, null),
        };
    }

    /// <summary>
    /// Brings a file's data set to the end of its inspection, whatever an earlier attempt has left undone. False where the data
    /// set was deleted.
    /// </summary>
    private async Task<bool> InspectedAsync(FileRecord record)
    {
        var dataset = grains.GetGrain<IDatasetGrain>(record.DatasetId!);
        var view = await dataset.Get();
        if (view is { Status: AssetStatus.Ready or AssetStatus.Failed }) return true;
        try
        {
            if (view is null or { Files.Count: 0 }) await RegisterAsync(dataset, record);
            await dataset.Commit(null);
        }
        catch (GridException e) when (e.Code is not (ErrorCodes.Unavailable or ErrorCodes.InsufficientStorage))
        {
            return await dataset.Get() is not null;
        }
        return true;
    }

    private static async Task RegisterAsync(IDatasetGrain dataset, FileRecord record)
    {
        await dataset.Create(record.Organisation, record.File.Id);
        await dataset.AddFile(new SourceFile(record.Path!, record.Key, record.File.Bytes, record.Sha256));
    }
}
