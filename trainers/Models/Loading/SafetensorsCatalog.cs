using FineTuneGrid.Storage;

namespace FineTuneGrid.Models.Loading;

/// <summary>The tensors that safetensors headers describe, without their values.</summary>
public sealed class SafetensorsCatalog(IReadOnlyDictionary<string, SafetensorsTensor> tensors) : ITensorCatalog
{
    public IReadOnlyCollection<string> Names { get; } = [.. tensors.Keys];

    public TensorInfo Describe(string name) => SafetensorsSource.Describe(tensors[name]);
}
