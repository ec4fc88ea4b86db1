using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>What models and data sets have in common: a draft of files, one inspection, users, an end.</summary>
public abstract partial class AssetGrain<TManifest> : Grain where TManifest : class
{
    /// <summary>From here on it pays to let jobs that come together share a write of them all.</summary>
    private const int ManyUsers = 100;

    private static readonly TimeSpan GatherUsers = TimeSpan.FromMilliseconds(50);

    private readonly ILogger _logger;
    private Task? _inspection;

    protected AssetGrain(IPersistentState<Stored<AssetState<TManifest>>> storage, IInspector inspector, IBlobStore blobs, BlobAccessIssuer access, TimeProvider time, ILogger logger)
    {
        State = new(storage, OnBroken, state => state?.Users.Count > ManyUsers ? GatherUsers : TimeSpan.Zero);
        (Inspector, Blobs, Access, Time, _logger) = (inspector, blobs, access, time, logger);
    }

    protected string Id => this.GetPrimaryKeyString();

    private protected StateCell<AssetState<TManifest>> State { get; }

    protected IInspector Inspector { get; }

    protected IBlobStore Blobs { get; }

    protected BlobAccessIssuer Access { get; }

    protected TimeProvider Time { get; }

    /// <summary><see cref="Ids.Model"/> or <see cref="Ids.Dataset"/>.</summary>
    protected abstract string Kind { get; }

    protected abstract Task<TManifest> InspectAsync(AssetState<TManifest> state);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        State.Load();
        return Task.CompletedTask;
    }

    public Task AddFile(SourceFile file) => State.UpdateAsync(s => AssetRules.AddFile(s, Id, file));

    public Task Use(string jobId, bool inUse) => State.UpdateAsync(s => AssetRules.Use(s, Id, jobId, inUse));

    public async Task Delete()
    {
        var idle = await IdleUsersAsync(State.Latest?.Users ?? []);
        await State.UpdateAsync(s => AssetRules.Delete(s, Id, idle));
        var state = State.Current!;
        await GrainFactory.GetGrain<IOrgGrain>(state.Org).Free(Kind, state.Name, Id);
        await foreach (var blob in Blobs.ListAsync($"{Kind}s/{Id}/"))
            await Blobs.DeleteAsync(blob.Key);
    }

    protected async Task<AssetState<TManifest>> CreateStateAsync(string org, string name, string? license)
    {
        await State.UpdateAsync(s => AssetRules.Create(s, Id, org, name, license, Time.GetUtcNow()));
        return State.Current!;
    }

    /// <exception cref="GridException">What the inspection found wrong.</exception>
    protected async Task<AssetState<TManifest>> CommitStateAsync(string? license)
    {
        await State.UpdateAsync(s => AssetRules.BeginInspection(s, Id, license));
        if (State.Current!.Status != AssetStatus.Ready)
            await (_inspection ??= InspectAndSaveAsync());
        var state = AssetRules.Require(State.Current, Id);
        return state.Error is { } error ? throw error.ToException() : state;
    }

    private async Task InspectAndSaveAsync()
    {
        await Task.Yield();
        try
        {
            var state = State.Current!;
            TManifest? manifest = null;
            GridError? error = null;
            try
            {
                manifest = await InspectAsync(state);
                await Blobs.WriteJsonAsync($"{Kind}s/{Id}/manifest.json", manifest, options: GridJson.Options);
            }
            catch (GridException e) when (e.Code is not (ErrorCodes.Unavailable or ErrorCodes.InsufficientStorage))
            {
                LogRefused(Id, e.Code, e.Message);
                error = e.ToError();
            }
            await State.UpdateAsync(s => s is { Deleted: false } ? AssetRules.EndInspection(s, manifest, error) : s);
        }
        finally
        {
            _inspection = null;
        }
    }

    /// <summary>Users that have ended and whose farewell was lost.</summary>
    private async Task<IReadOnlyCollection<string>> IdleUsersAsync(IReadOnlyList<string> users)
    {
        var idle = new HashSet<string>();
        foreach (var user in users)
            if (await GrainFactory.GetGrain<IJobGrain>(user).Get() is not { } job || job.Status.IsTerminal())
                idle.Add(user);
        return idle;
    }

    private void OnBroken(Exception e)
    {
        LogStateFailed(e, Id);
        DeactivateOnIdle();
    }

    [LoggerMessage(LogLevel.Information, "{Asset} was refused: {Code}: {Message}")]
    private partial void LogRefused(string asset, string code, string message);

    [LoggerMessage(LogLevel.Error, "{Asset}: its state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e, string asset);
}
