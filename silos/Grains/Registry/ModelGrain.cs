using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>One base model.</summary>
[Reentrant]
[GrainType("model")]
public sealed class ModelGrain(
    [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<AssetState<ModelManifest>>> storage,
    IInspector inspector, IBlobStore blobs, BlobAccessIssuer access, TimeProvider time, ILogger<ModelGrain> logger)
    : AssetGrain<ModelManifest>(storage, inspector, blobs, access, time, logger), IModelGrain
{
    protected override string Kind => Ids.Model;

    public async Task<ModelView> Create(string org, string name, string? license) => View(await CreateStateAsync(org, name, license));

    public async Task<ModelView> Commit(string? license) => View(await CommitStateAsync(license));

    public Task<ModelView?> Get() => Task.FromResult(State.Current is { Deleted: false } state ? View(state) : null);

    protected override async Task<ModelManifest> InspectAsync(AssetState<ModelManifest> state)
    {
        var reply = await Inspector.RunAsync(new InspectorRequest(Access.Issue(), InspectModel: new InspectModelRequest(Id, state.Files)), CancellationToken.None);
        if (reply.Error is { } error)
            throw error.ToException();
        return reply.Model ?? throw new GridException(ErrorCodes.Internal, "The inspector answered with something else than a model.");
    }

    private static ModelView View(AssetState<ModelManifest> s) =>
        new(s.Id, s.Org, s.Name, s.Status, s.CreatedAt, s.Manifest, s.Error, s.Files, s.License ?? s.Manifest?.License);
}
