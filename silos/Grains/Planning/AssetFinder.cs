using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using Orleans;

namespace FineTuneGrid.Grains.Planning;

/// <summary>Finds what a job names: its organisation's own first, then what is shared. Others' assets do not exist for it.</summary>
public sealed class AssetFinder(IGrainFactory grains)
{
    public async Task<string> ModelIdAsync(string org, string nameOrId, string field) =>
        await IdAsync(org, Ids.Model, nameOrId) ?? throw Missing("model", nameOrId, field);

    public async Task<string> DatasetIdAsync(string org, string nameOrId, string field) =>
        await IdAsync(org, Ids.Dataset, nameOrId) ?? throw Missing("data set", nameOrId, field);

    public async Task<(ModelView View, ModelManifest Manifest)> ModelAsync(string org, string id, string name, string field)
    {
        var view = await grains.GetGrain<IModelGrain>(id).Get();
        if (view is null || (view.Org != org && view.Org != Names.SharedOrg))
            throw Missing("model", name, field);
        return (view, view.Manifest ?? throw NotReady("model", name, view.Status, view.Error, field));
    }

    public async Task<(DatasetView View, DatasetManifest Manifest)> DatasetAsync(string org, string id, string name, string field)
    {
        var view = await grains.GetGrain<IDatasetGrain>(id).Get();
        if (view is null || (view.Org != org && view.Org != Names.SharedOrg))
            throw Missing("data set", name, field);
        return (view, view.Manifest ?? throw NotReady("data set", name, view.Status, view.Error, field));
    }

    /// <summary>The adapter and the version meant, by number or alias: the newest where none is given.</summary>
    public async Task<(AdapterView View, AdapterVersionView Version)> AdapterAsync(string org, AdapterRef reference, string field)
    {
        var id = reference.Org == org || reference.Org == Names.SharedOrg
            ? await grains.GetGrain<IOrgGrain>(reference.Org).Find(Ids.Adapter, reference.Name)
            : null;
        if (id is null || await grains.GetGrain<IAdapterGrain>(id).Get() is not { Versions.Count: > 0 } view)
            throw Missing("adapter", reference.ToString(), field);
        return view.Find(reference.Version) is not { } version
            ? throw new GridException(ErrorCodes.NotFound,
                $"{field}: {view.Org}/{view.Name} has no version '{reference.Version}'; it has {string.Join(", ", view.Versions.Select(v => v.Version))}.", field)
            : (view, version);
    }

    private async Task<string?> IdAsync(string org, string kind, string nameOrId)
    {
        if (Ids.IsId(nameOrId, kind))
            return nameOrId;
        if (!Names.IsValid(nameOrId))
            return null;
        return await grains.GetGrain<IOrgGrain>(org).Find(kind, nameOrId)
            ?? (org == Names.SharedOrg ? null : await grains.GetGrain<IOrgGrain>(Names.SharedOrg).Find(kind, nameOrId));
    }

    private static GridException Missing(string what, string name, string field) =>
        new(ErrorCodes.NotFound, $"{field}: there is no {what} '{name}'; add it first, or name one that exists.", field);

    private static GridException NotReady(string what, string name, AssetStatus status, GridError? error, string field) => error is not null
        ? new(error.Code, $"{field}: the {what} '{name}' cannot be used: {error.Message}", field) { Findings = error.Findings ?? [] }
        : new(ErrorCodes.Conflict, $"{field}: the {what} '{name}' is not ready yet ({status.ToString().ToLowerInvariant()}); commit it and submit again.", field);
}
