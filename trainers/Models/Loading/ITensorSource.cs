using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>A stored tensor's dtype and shape.</summary>
public sealed record TensorInfo(ScalarType Type, long[] Shape);

/// <summary>Which tensors there are.</summary>
public interface ITensorCatalog
{
    IReadOnlyCollection<string> Names { get; }

    TensorInfo Describe(string name);
}

/// <summary>Where named tensors come from: a safetensors file or a set of them.</summary>
public interface ITensorSource : ITensorCatalog
{
    /// <summary>Copies little-endian row-major bytes of a tensor, from a byte offset on.</summary>
    void Read(string name, long offset, Span<byte> destination);
}
