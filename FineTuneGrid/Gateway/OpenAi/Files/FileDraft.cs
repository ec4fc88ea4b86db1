using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Quotas;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>Makes drafts of training files.</summary>
public sealed class FileDrafts(IGrainFactory grains, IBlobStore store, FileStore files, TimeProvider time)
{
    /// <param name="id">The file's id, where it was fixed before: however often it is drafted, it is kept once.</param>
    public FileDraft Begin(string organisation, string? id = null) => new(grains, store, files, time, organisation, id);
}

/// <summary>
/// A training file between its first byte and its record. Its bytes go where its data set has them; what is not kept is removed
/// when the draft is disposed of.
/// </summary>
public sealed class FileDraft : IAsyncDisposable
{
    private readonly IGrainFactory _grains;
    private readonly IBlobStore _store;
    private readonly FileStore _files;
    private readonly TimeProvider _time;
    private readonly string _organisation;
    private readonly string _id;
    private readonly bool _alone;
    private string? _datasetId;
    private SourceFile? _source;
    private string _filename = "";
    private bool _kept;

    internal FileDraft(IGrainFactory grains, IBlobStore store, FileStore files, TimeProvider time, string organisation, string? id)
    {
        (_grains, _store, _files, _time, _organisation) = (grains, store, files, time, organisation);
        (_id, _alone) = (id ?? FileStore.NewId(time.GetUtcNow()), id is null);
    }

    public bool Received => _source is { Length: > 0 };

    /// <summary>Takes the bytes. Nothing is registered yet.</summary>
    /// <param name="most">Bytes that are allowed.</param>
    /// <param name="room">What the organisation's quota has left for them.</param>
    /// <param name="md5">What they must have, in lower-case hexadecimal; null for anything.</param>
    /// <exception cref="GridException"><c>too_large</c>, <c>quota_exceeded</c>, <c>invalid_value</c>, <c>digest_mismatch</c></exception>
    public async Task ReceiveAsync(string? filename, Stream content, long most, QuotaRoom room, string? md5, CancellationToken ct)
    {
        _filename = FileNames.Check(filename, "file");
        var path = FileNames.PathOf(_filename, "file");
        _datasetId = await _grains.GetGrain<IOrgGrain>(_organisation).Claim(Ids.Dataset, _id);
        _source = new SourceFile(path, $"{AssetKind.Dataset.Route}/{_datasetId}/source/{Ids.New("file", _time.GetUtcNow())}", 0, "");
        var limit = Math.Min(most, room.Most);
        await using var body = new CheckedStream(content, limit, null, limit < most ? room.Refuse : () => TooLarge(most), md5);
        var length = (await _store.WriteAsync(_source.Key, body, WriteCondition.IfAbsent, ct)).Length;
        room.Stored(length);
        if (length == 0) throw new GridException(ErrorCodes.InvalidValue, "file is empty; send JSON lines.", "file");
        _source = _source with { Length = length, Sha256 = body.Sha256! };
    }

    /// <summary>Registers the file and its data set. From here on a crash takes nothing back.</summary>
    public async Task<FileEntry> KeepAsync(TimeSpan? lifetime, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var file = new OpenAiFile(_id, _source!.Length, now, _filename, FilePurposes.FineTune, now + lifetime, _datasetId!);
        _kept = await _files.TryRecordAsync(new FileRecord(_organisation, file, _source.Sha256, _source.Key, _source.Path), ct);
        return await _files.SettleAsync(_organisation, _id, ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_kept || _source is null) return;
        await _store.DeleteAsync(_source.Key);
        // Where the id is another's too, that one may be about to keep the file under this name.
        if (_alone && _datasetId is not null) await _grains.GetGrain<IOrgGrain>(_organisation).Free(Ids.Dataset, _id, _datasetId);
    }

    private static GridException TooLarge(long most) => new(ErrorCodes.TooLarge, $"file may have at most {most} bytes.", "file");
}
