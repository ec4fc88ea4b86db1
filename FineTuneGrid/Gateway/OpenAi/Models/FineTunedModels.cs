using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Gateway.Assets;

namespace FineTuneGrid.Gateway.OpenAi.Models;

/// <summary>A version of an adapter that a fine-tuned name stands for.</summary>
public sealed record FineTunedModel(AdapterView Adapter, AdapterVersionView Version)
{
    /// <summary>The reference that the native API knows it by.</summary>
    public AdapterRef Reference => new(Adapter.Org, Adapter.Name, Version.Version);

    /// <summary>Its fine-tuned name; null for what no job made of a base model: a push, or training from random weights.</summary>
    public FineTunedName? Name => Version.Lineage is { JobId: { } job, BaseModel: { } model } ? FineTunedName.Of(model, Reference, job) : null;
}

/// <summary>From fine-tuned names to versions of adapters, as far as a caller may see.</summary>
public sealed class FineTunedModels(NameResolver names)
{
    /// <summary>What the name stands for; null where there is none such for the caller, or where it names a checkpoint.</summary>
    public async Task<FineTunedModel?> FindAsync(Principal caller, FineTunedName name)
    {
        if (name.Step is not null || await names.FindAdapterAsync(caller, name.Organisation, name.Suffix) is not { } adapter) return null;
        return adapter.Versions.Select(v => new FineTunedModel(adapter, v)).FirstOrDefault(m => m.Name == name);
    }

    /// <exception cref="GridException"><c>not_found</c>, with <c>model</c> as its field.</exception>
    public async Task<FineTunedModel> RequireAsync(Principal caller, string text) =>
        FineTunedName.TryParse(text, out var name) && await FindAsync(caller, name) is { } found ? found : throw Missing(text);

    public static GridException Missing(string model) => new(ErrorCodes.NotFound, $"The model '{model}' does not exist, or this key may not use it.", "model");
}
