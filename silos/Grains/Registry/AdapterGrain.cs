using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>
/// One adapter and its immutable versions. Not reentrant: versions are made one after the other. A version exists once the
/// state names it; files of one that does not are overwritten by the next.
/// </summary>
[GrainType("adapter")]
public sealed partial class AdapterGrain : Grain, IAdapterGrain
{
    private readonly StateCell<AdapterState> _state;
    private readonly AdapterFiles _files;
    private readonly TimeProvider _time;
    private readonly ILogger<AdapterGrain> _logger;

    public AdapterGrain(
        [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<AdapterState>> storage,
        IBlobStore blobs, SigningKey key, TimeProvider time, ILogger<AdapterGrain> logger)
    {
        _state = new(storage, OnBroken);
        _files = new AdapterFiles(blobs, key, Id);
        (_time, _logger) = (time, logger);
    }

    private string Id => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _state.Load();
        return Task.CompletedTask;
    }

    public async Task<AdapterView> Create(string org, string name)
    {
        await _state.UpdateAsync(s => s is null
            ? new AdapterState { Id = Id, Org = org, Name = name, CreatedAt = _time.GetUtcNow() }
            : Require(s));
        return View(_state.Current!);
    }

    public async Task<AdapterVersionView> Publish(AdapterPublication publication)
    {
        var state = Require(_state.Current);
        if (state.Versions.FirstOrDefault(v => v.Source == publication.Source) is { } known)
            return known.View;
        var version = state.NextVersion;
        var time = _time.GetUtcNow();
        var files = await _files.StoreAsync(state, version, publication, time);
        var view = new AdapterVersionView($"{version}", AdapterFiles.RevisionOf(files), time, publication.Lineage, publication.Metrics, files);
        await _state.UpdateAsync(s => Require(s) with { NextVersion = version + 1, Versions = [.. s!.Versions, new AdapterEntry(publication.Source, view)] });
        LogPublished(Id, state.Org, state.Name, view.Version, view.Revision);
        return view;
    }

    public Task<AdapterView?> Get() => Task.FromResult(_state.Current is { Deleted: false } state ? View(state) : null);

    public async Task<AdapterVersionView> Promote(StagePromotion promotion)
    {
        await _state.UpdateAsync(s => StageRules.Promote(Require(s), promotion, _time.GetUtcNow()));
        var (state, version) = (_state.Current!, promotion.Version);
        LogPromoted(Id, state.Org, state.Name, version, promotion.Stage, promotion.By);
        return state.Versions.Single(v => v.View.Version == version).View;
    }

    public Task<IReadOnlyList<StageChange>> StageHistory() =>
        Task.FromResult<IReadOnlyList<StageChange>>([.. Require(_state.Current).StageHistory.Reverse()]);

    public async Task Delete(string? version)
    {
        if (_state.Current is not { } state)
            throw NotFound();
        if (version is null)
        {
            await _state.UpdateAsync(s => s! with { Deleted = true, Versions = [] });
            await GrainFactory.GetGrain<IOrgGrain>(state.Org).Free(Ids.Adapter, state.Name, Id);
            await _files.DeleteAsync($"adapters/{Id}/");
            return;
        }
        if (StageRules.Find(Require(state), version).View.Stage == AdapterStages.Champion)
            throw new GridException(ErrorCodes.InUse, $"{state.Org}/{state.Name}@{version} is the champion; promote another version first, or archive this one.", "version");
        await _state.UpdateAsync(s => s! with { Versions = [.. s.Versions.Where(v => v.View.Version != version)] });
        await _files.DeleteAsync($"adapters/{Id}/{version}/");
    }

    private static AdapterView View(AdapterState s) => new(s.Id, s.Org, s.Name, s.CreatedAt, [.. s.Versions.Select(v => v.View)]);

    private AdapterState Require(AdapterState? state) => state is { Deleted: false } ? state : throw NotFound();

    private GridException NotFound() => new(ErrorCodes.NotFound, $"There is no adapter '{Id}'.");

    private void OnBroken(Exception e)
    {
        LogStateFailed(e, Id);
        DeactivateOnIdle();
    }

    [LoggerMessage(LogLevel.Information, "{Adapter}: {Org}/{Name}@{Version} registered as {Revision}")]
    private partial void LogPublished(string adapter, string org, string name, string version, string revision);

    [LoggerMessage(LogLevel.Information, "{Adapter}: {Org}/{Name}@{Version} promoted to {Stage} by {Key}")]
    private partial void LogPromoted(string adapter, string org, string name, string version, string stage, string key);

    [LoggerMessage(LogLevel.Error, "{Adapter}: its state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e, string adapter);
}
