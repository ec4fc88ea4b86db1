using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Assets;
using Orleans;

namespace FineTuneGrid.Gateway.OpenAi.Models;

/// <summary>OpenAI's model object.</summary>
/// <param name="Id">What a request's <c>model</c> takes.</param>
public sealed record ModelObject(string Id, string Object, long Created, string OwnedBy)
{
    public static ModelObject Of(string id, DateTimeOffset created, string org) => new(id, "model", created.ToUnixTimeSeconds(), org);
}

/// <summary>What a caller can name as a model: base models, and every version of an adapter. The organisation's own first, then what is shared.</summary>
public sealed class ModelCatalog(IGrainFactory grains, NameResolver names, FineTunedModels tuned)
{
    public async Task<IReadOnlyList<ModelObject>> ListAsync(Principal caller)
    {
        var models = new List<ModelObject>();
        string[] orgs = caller.Org is { } own && own != Names.SharedOrg ? [own, Names.SharedOrg] : [Names.SharedOrg];
        foreach (var org in orgs)
        {
            var bases = await Task.WhenAll((await grains.GetGrain<IOrgGrain>(org).List(Ids.Model)).Values.Select(id => grains.GetGrain<IModelGrain>(id).Get()));
            // A name of one's own hides the shared one.
            models.AddRange(bases.OfType<ModelView>().Where(m => m.Status == AssetStatus.Ready && models.TrueForAll(known => known.Id != m.Name)).Select(Of));
            var adapters = await Task.WhenAll((await grains.GetGrain<IOrgGrain>(org).List(Ids.Adapter)).Values.Select(id => grains.GetGrain<IAdapterGrain>(id).Get()));
            models.AddRange(adapters.OfType<AdapterView>().SelectMany(a => a.Versions.Select(v => Of(new FineTunedModel(a, v)))));
        }
        return models;
    }

    /// <exception cref="GridException"><c>not_found</c></exception>
    public async Task<ModelObject> GetAsync(Principal caller, string id)
    {
        if (FineTunedName.IsMeant(id)) return Of(await tuned.RequireAsync(caller, id));
        if (id.Contains('/')) return Of(await AdapterAsync(caller, id)) with { Id = id };
        return await names.FindModelAsync(caller, id, null) is { Status: AssetStatus.Ready } model ? Of(model) with { Id = id } : throw FineTunedModels.Missing(id);
    }

    /// <summary>Removes a fine-tuned model: the version of its adapter, and the adapter with its last one.</summary>
    /// <exception cref="GridException"><c>not_found</c>, <c>forbidden</c>; <c>invalid_value</c>: a base model.</exception>
    public async Task DeleteAsync(Principal caller, string id)
    {
        if (!FineTunedName.IsMeant(id) && !id.Contains('/'))
        {
            await GetAsync(caller, id);
            throw new GridException(ErrorCodes.InvalidValue, $"The model '{id}' is a base model: what is deleted here is fine-tuned, with a name that begins with ft:.", "model");
        }
        var (adapter, version) = FineTunedName.IsMeant(id) ? await tuned.RequireAsync(caller, id) : await AdapterAsync(caller, id);
        if (!caller.CanWrite(adapter.Org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not delete models of organisation '{adapter.Org}'.", "model");
        await grains.GetGrain<IAdapterGrain>(adapter.Id).Delete(adapter.Versions.Count == 1 ? null : version.Version);
    }

    private async Task<FineTunedModel> AdapterAsync(Principal caller, string id)
    {
        var reference = AdapterRef.Parse(id, "model");
        var adapter = await names.FindAdapterAsync(caller, reference.Org, reference.Name) ?? throw FineTunedModels.Missing(id);
        var version = adapter.Find(reference.Version);
        return version is null ? throw FineTunedModels.Missing(id) : new FineTunedModel(adapter, version);
    }

    private static ModelObject Of(ModelView model) => ModelObject.Of(model.Name, model.CreatedAt, model.Org);

    private static ModelObject Of(FineTunedModel model) =>
        ModelObject.Of(model.Name?.ToString() ?? model.Reference.ToString(), model.Version.CreatedAt, model.Adapter.Org);
}
