using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>Fills an architecture's parameters from published tensors, by name, with every shape checked.</summary>
public static class WeightLoader
{
    /// <summary>Loads frozen weights.</summary>
    /// <param name="compute">Float32 or BFloat16; stored tensors are converted.</param>
    /// <exception cref="GridException"><c>invalid_model</c>: a tensor is missing, misshapen, not of a float dtype, or no part of the model.</exception>
    /// <param name="quantize">The linear layers but the head go into 4-bit NormalFloat, one after another, so that the model is never in memory whole.</param>
    public static ModelWeights Load(
        Architecture architecture, ITensorSource source, ScalarType compute = ScalarType.Float32, Device? device = null, bool quantize = false)
    {
        var names = CheckpointNames.Check(architecture, source);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var quantized = new Dictionary<string, Nf4Matrix>(StringComparer.Ordinal);
        var matrices = quantize ? architecture.Linears.Select(l => l.Name + ".weight").ToHashSet(StringComparer.Ordinal) : [];
        foreach (var spec in architecture.StoredParameters)
        {
            using var scope = NewDisposeScope();
            var stored = TensorBytes.Load(source, names.Of(spec));
            if (matrices.Contains(spec.Name))
            {
                quantized.Add(spec.Name, Nf4Matrix.Quantize(stored, device ?? CPU));
                continue;
            }

            var wanted = stored.to(spec.Norm ? ScalarType.Float32 : compute, device ?? CPU);
            tensors.Add(spec.Name, wanted.DetachFromDisposeScope());
        }

        return ModelWeights.Frozen(tensors, quantized, compute);
    }

    /// <summary>Loads weights to be trained: fp32, in one flat buffer. Modules that the folder lacks start from the seed.</summary>
    public static ModelWeights LoadTrainable(Architecture architecture, ITensorSource source, Device? device = null, long seed = 0)
    {
        var names = CheckpointNames.Check(architecture, source);
        var parameters = FlatParameters.Zeros(architecture.Parameters.Select(p => (p.Name, p.Shape)), device);
        foreach (var spec in architecture.Parameters.Except(architecture.StoredParameters))
            parameters.Fill(spec, seed, architecture.InitializerRange);
        foreach (var spec in architecture.StoredParameters)
        {
            using var stored = TensorBytes.Load(source, names.Of(spec));
            parameters.Set(spec.Name, stored);
        }

        return ModelWeights.Trained(parameters);
    }

    /// <summary>Checks names, shapes and dtypes without reading any weights.</summary>
    public static void Check(Architecture architecture, ITensorCatalog source) => CheckpointNames.Check(architecture, source);
}
