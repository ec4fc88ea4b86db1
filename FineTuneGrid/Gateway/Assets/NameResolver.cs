using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Models;
using Orleans;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>
/// From names to grains, as far as the caller may see. What belongs to another organisation does not exist: 404, never 403.
/// </summary>
public sealed class NameResolver(IGrainFactory grains)
{
    /// <param name="field">The input that names it, where that is not the address.</param>
    public async Task<ModelView> ModelAsync(Principal caller, string nameOrId, string? org, string? field = null) =>
        await FindModelAsync(caller, nameOrId, org) ?? throw Missing(AssetKind.Model.Noun, nameOrId, field);

    public async Task<ModelView?> FindModelAsync(Principal caller, string nameOrId, string? org) =>
        await IdAsync(AssetKind.Model, caller, nameOrId, org) is { } id
        && await grains.GetGrain<IModelGrain>(id).Get() is { } model && caller.CanSee(model.Org)
            ? model : null;

    public async Task<DatasetView> DatasetAsync(Principal caller, string nameOrId, string? org, string? field = null) =>
        await IdAsync(AssetKind.Dataset, caller, nameOrId, org) is { } id
        && await grains.GetGrain<IDatasetGrain>(id).Get() is { } dataset && caller.CanSee(dataset.Org)
            ? dataset : throw Missing(AssetKind.Dataset.Noun, nameOrId, field);

    /// <summary>The caller with another organisation as the first place to look in; what may be seen stays the same for all but an admin.</summary>
    public static Principal At(Principal caller, string org) => caller.CanSee(org) ? caller with { Org = org } : caller;

    public async Task<AdapterView> AdapterAsync(Principal caller, string org, string name) =>
        await FindAdapterAsync(caller, org, name) ?? throw Missing("adapter", $"{org}/{name}");

    public async Task<AdapterView?> FindAdapterAsync(Principal caller, string org, string name) =>
        Names.IsValid(org) && Names.IsValid(name) && caller.CanSee(org)
        && await grains.GetGrain<IOrgGrain>(org).Find(Ids.Adapter, name) is { } id
            ? await grains.GetGrain<IAdapterGrain>(id).Get() : null;

    /// <param name="version">A number or the alias of a stage; null for the newest.</param>
    public static AdapterVersionView Version(AdapterView adapter, string? version) =>
        adapter.Find(version) ?? throw Missing("adapter version", $"{adapter.Org}/{adapter.Name}@{version ?? "newest"}");

    /// <summary>Where a caller's new assets go: the named organisation, the caller's own, or <c>shared</c> for the admin.</summary>
    public static string OrgForWrite(Principal caller, string? org)
    {
        var target = Names.Check(org ?? caller.Org ?? Names.SharedOrg, "org");
        if (!caller.CanSee(target)) throw Missing("organisation", target);
        return caller.CanWrite(target) ? target : throw new GridException(ErrorCodes.Forbidden, $"This key may not write to organisation '{target}'.", "org");
    }

    /// <summary>All organisations whose assets the caller may list.</summary>
    public async Task<IReadOnlyList<string>> VisibleOrgsAsync(Principal caller) => caller.IsAdmin
        ? [.. (await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Orgs()).Append(Names.SharedOrg).Distinct().Order(StringComparer.Ordinal)]
        : caller.Org is { } org && org != Names.SharedOrg ? [org, Names.SharedOrg] : [Names.SharedOrg];

    public static GridException Missing(string noun, string name, string? field = null) => new(ErrorCodes.NotFound,
        field is null ? $"There is no {noun} '{name}'." : $"{field}: there is no {noun} '{name}'; add it first, or name one that exists.", field);

    private async Task<string?> IdAsync(AssetKind kind, Principal caller, string nameOrId, string? org)
    {
        if (Ids.IsId(nameOrId, kind.IdKind)) return nameOrId;
        if (!Names.IsValid(nameOrId)) return null;
        string[] candidates = org is not null ? [Names.Check(org, "org")] : caller.Org is { } own ? [own, Names.SharedOrg] : [Names.SharedOrg];
        foreach (var candidate in candidates.Where(caller.CanSee))
        {
            if (await grains.GetGrain<IOrgGrain>(candidate).Find(kind.IdKind, nameOrId) is { } id) return id;
        }
        return null;
    }
}
