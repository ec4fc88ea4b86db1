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
    /// <exception cref="GridException"><c>invalid_model</c>: a tensor is missing, misshapen or not of a float dtype.</exception>
    public static ModelWeights Load(Architecture architecture, ITensorSource source, ScalarType compute = ScalarType.Float32, Device? device = null)
    {
        Check(architecture, source);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var spec in architecture.Parameters)
        {
            using var scope = NewDisposeScope();
            var stored = TensorBytes.Load(source, spec.Name);
            var wanted = stored.to(spec.Norm ? ScalarType.Float32 : compute, device ?? CPU);
            tensors.Add(spec.Name, wanted.DetachFromDisposeScope());
        }

        return ModelWeights.Frozen(tensors, compute);
    }

    /// <summary>Loads weights to be trained: fp32, in one flat buffer.</summary>
    public static ModelWeights LoadTrainable(Architecture architecture, ITensorSource source, Device? device = null)
    {
        Check(architecture, source);
        var parameters = FlatParameters.Zeros(architecture.Parameters.Select(p => (p.Name, p.Shape)), device);
        foreach (var spec in architecture.Parameters)
        {
            using var stored = TensorBytes.Load(source, spec.Name);
            parameters.Set(spec.Name, stored);
        }

        return ModelWeights.Trained(parameters);
    }

    /// <summary>Checks names, shapes and dtypes without reading any weights.</summary>
    public static void Check(Architecture architecture, ITensorSource source)
    {
        var names = source.Names.ToHashSet(StringComparer.Ordinal);
        var findings = architecture.Parameters.Select(p => Finding(p, source, names)).OfType<GridFinding>().ToList();
        if (findings.Count > 0)
        {
            throw new GridException(ErrorCodes.InvalidModel,
                $"The weights do not fit config.json: {findings[0].Message}" + (findings.Count > 1 ? $" ({findings.Count - 1} more)" : ""), findings[0].Where)
            {
                Findings = [.. findings.Take(100)],
            };
        }
    }

    private static GridFinding? Finding(ParameterSpec spec, ITensorSource source, HashSet<string> names)
    {
        if (!names.Contains(spec.Name))
            return new(spec.Name, $"tensor {spec.Name} is missing.");
        var info = source.Describe(spec.Name);
        if (!info.Shape.SequenceEqual(spec.Shape))
            return new(spec.Name, $"tensor {spec.Name} has shape [{string.Join(", ", info.Shape)}], not [{string.Join(", ", spec.Shape)}].");
        return info.Type is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Float64
            ? null
            : new(spec.Name, $"tensor {spec.Name} has dtype {info.Type}, not a floating point one.");
    }
}
