using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Assets;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>From a repository's name to the adapter or the ready base model behind it, as far as the caller may see.</summary>
public sealed class HubRepos(NameResolver names)
{
    /// <exception cref="GridException"><c>not_found</c>: there is none, or it is another organisation's.</exception>
    public async Task<HubRepo> FindAsync(Principal caller, string? org, string name) =>
        await FindOrNullAsync(caller, org, name) ?? throw NameResolver.Missing("model or adapter", org is null ? name : $"{org}/{name}");

    public async Task<HubRepo?> FindOrNullAsync(Principal caller, string? org, string name)
    {
        if (!Names.IsValid(name) || (org is not null && !Names.IsValid(org))) return null;
        if (org is not null && await names.FindAdapterAsync(caller, org, name) is { Versions.Count: > 0 } adapter) return Of(adapter);
        return await names.FindModelAsync(caller, name, org) is { Manifest: { } manifest } model && (org is null || model.Org == org)
            ? Of(model, manifest, org is null ? model.Name : $"{org}/{model.Name}") : null;
    }

    private static HubRepo Of(AdapterView adapter)
    {
        var newestFirst = adapter.Versions.OrderByDescending(v => int.Parse(v.Version, CultureInfo.InvariantCulture)).ToList();
        var lineage = newestFirst[0].Lineage;
        HubRevision[] revisions = [.. newestFirst.Select(v => new HubRevision(v.Version, v.Revision, v.CreatedAt, $"Version {v.Version}", v.Files, v.Lineage))];
        var staged = AdapterStages.All.Select(stage => KeyValuePair.Create(stage, revisions.FirstOrDefault(r => r.Name == adapter.Find(stage)?.Version)));
        return new HubRepo($"{adapter.Org}/{adapter.Name}", adapter.Id, adapter.Org, adapter.CreatedAt, lineage.Kind == "full" ? "transformers" : "peft", lineage.BaseModel, lineage.BaseLicense,
            revisions, [KeyValuePair.Create(HubRepo.Main, revisions[0]), .. staged.Where(s => s.Value is not null).Select(s => KeyValuePair.Create(s.Key, s.Value!))]);
    }

    /// <summary>A base model never changes: it has one version.</summary>
    private static HubRepo Of(ModelView model, ModelManifest manifest, string id)
    {
        var only = new HubRevision("1", manifest.Digest[..HubRevision.ShaLength], model.CreatedAt, "Version 1", manifest.Files);
        return new HubRepo(id, model.Id, model.Org, model.CreatedAt, "transformers", null, model.License, [only], [KeyValuePair.Create(HubRepo.Main, only)]);
    }
}
