using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>Names of one organisation. Its JSON member names are a stored format.</summary>
/// <param name="Ids">By kind, then by name.</param>
/// <param name="QuotaBytes">Null where the organisation is not limited.</param>
public sealed record OrgState(IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Ids, long? QuotaBytes = null);

/// <summary>One organisation.</summary>
[Reentrant]
[GrainType("org")]
public sealed partial class OrgGrain : Grain, IOrgGrain
{
    private static readonly Dictionary<string, string> Nothing = [];

    private readonly StateCell<OrgState> _state;
    private readonly TimeProvider _time;
    private readonly ILogger<OrgGrain> _logger;

    public OrgGrain(
        [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<OrgState>> storage, TimeProvider time, ILogger<OrgGrain> logger)
    {
        _state = new(storage, OnBroken);
        (_time, _logger) = (time, logger);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _state.Load();
        return Task.CompletedTask;
    }

    public Task<string?> Find(string kind, string name) => Task.FromResult(Of(_state.Current, kind).GetValueOrDefault(name));

    public async Task<string> Claim(string kind, string name)
    {
        Names.Check(name, "name");
        await Ensure();
        return await _state.UpdateAsync(state =>
        {
            var names = Of(state, kind);
            if (names.TryGetValue(name, out var known))
                return (state, known);
            var id = Contracts.Ids.New(kind, _time.GetUtcNow());
            return (With(state, kind, new Dictionary<string, string>(names) { [name] = id }), id);
        });
    }

    public Task Free(string kind, string name, string id) => _state.UpdateAsync(state =>
    {
        var names = Of(state, kind);
        if (names.GetValueOrDefault(name) != id)
            return state;
        var left = new Dictionary<string, string>(names);
        left.Remove(name);
        return With(state, kind, left);
    });

    public Task<IReadOnlyDictionary<string, string>> List(string kind) =>
        Task.FromResult<IReadOnlyDictionary<string, string>>(new Dictionary<string, string>(Of(_state.Current, kind)));

    public Task<long?> Quota() => Task.FromResult(_state.Current?.QuotaBytes);

    public async Task SetQuota(long? bytes)
    {
        if (bytes < 0)
            throw new GridException(ErrorCodes.InvalidValue, "bytes must be at least 0, or null for no limit.", "bytes");
        await Ensure();
        await _state.UpdateAsync(state => state!.QuotaBytes == bytes ? state : state with { QuotaBytes = bytes });
    }

    public async Task Ensure()
    {
        var name = Names.Check(this.GetPrimaryKeyString(), "org");
        if (_state.Current is not null)
            return;
        await GrainFactory.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddOrg(name);
        await _state.UpdateAsync(state => state ?? new OrgState(new Dictionary<string, IReadOnlyDictionary<string, string>>()));
    }

    private static IReadOnlyDictionary<string, string> Of(OrgState? state, string kind) => state?.Ids.GetValueOrDefault(kind) ?? Nothing;

    private static OrgState With(OrgState? state, string kind, IReadOnlyDictionary<string, string> names)
    {
        var ids = state is null ? [] : new Dictionary<string, IReadOnlyDictionary<string, string>>(state.Ids);
        ids[kind] = names;
        return new OrgState(ids, state?.QuotaBytes);
    }

    private void OnBroken(Exception e)
    {
        LogStateFailed(e, this.GetPrimaryKeyString());
        DeactivateOnIdle();
    }

    [LoggerMessage(LogLevel.Error, "Organisation {Org}: its state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e, string org);
}
