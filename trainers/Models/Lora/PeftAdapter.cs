using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Lora;

/// <summary>Reads published adapters against a base, every name and shape checked.</summary>
public static class PeftAdapter
{
    /// <param name="architecture">The base that the adapter must fit.</param>
    /// <param name="config">Bytes of <c>adapter_config.json</c>.</param>
    /// <param name="tensors">The tensors of <c>adapter_model.safetensors</c>.</param>
    /// <param name="device">Where the factors go.</param>
    /// <exception cref="GridException"><c>invalid_adapter</c>, naming the field or tensor.</exception>
    public static LoraAdapter Read(Architecture architecture, ReadOnlyMemory<byte> config, ITensorSource tensors, Device? device = null)
    {
        var plan = Resolve(architecture, PeftConfig.Read(config));
        Check(plan, tensors);
        var adapter = LoraAdapter.Empty(plan, device);
        foreach (var slot in adapter.Parameters.Slots)
        {
            using var values = TensorBytes.Load(tensors, slot.Name);
            adapter.Parameters.Set(slot.Name, values);
        }

        return adapter;
    }

    /// <summary>Checks names, shapes and dtypes without reading factors.</summary>
    public static void Check(LoraPlan plan, ITensorSource tensors)
    {
        var expected = plan.Parameters.ToDictionary(p => p.Name, p => p.Shape, StringComparer.Ordinal);
        foreach (var name in tensors.Names.Order(StringComparer.Ordinal))
        {
            if (!expected.ContainsKey(name))
                throw Bad(name, $"belongs to no module that adapter_config.json names and the base has, such as {plan.Modules[0].NameA}");
        }

        foreach (var (name, shape) in expected)
        {
            if (!tensors.Names.Contains(name))
                throw Bad(name, "is missing from the adapter");
            var info = tensors.Describe(name);
            if (!info.Shape.SequenceEqual(shape))
                throw Bad(name, $"has shape [{string.Join(", ", info.Shape)}]; the base and adapter_config.json ask for [{string.Join(", ", shape)}]");
            if (info.Type is not (ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
                throw Bad(name, $"has dtype {info.Type}; it must be F32, F16 or BF16");
        }
    }

    private static LoraPlan Resolve(Architecture architecture, LoraSpec spec)
    {
        try
        {
            return LoraPlan.Resolve(architecture, spec);
        }
        catch (GridException e)
        {
            throw new GridException(ErrorCodes.InvalidAdapter, $"The adapter does not fit the base: {e.Message}", e.Field, e);
        }
    }

    private static GridException Bad(string tensor, string what) =>
        new(ErrorCodes.InvalidAdapter, $"adapter_model.safetensors: tensor {tensor} {what}.", tensor);
}
