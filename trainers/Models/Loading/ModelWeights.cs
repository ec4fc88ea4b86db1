using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>A model's parameters in memory: frozen, or (fp32 only) views of one flat trainable buffer.</summary>
public sealed class ModelWeights : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors;

    private ModelWeights(Dictionary<string, Tensor> tensors, ScalarType compute, FlatParameters? trainable)
    {
        _tensors = tensors;
        Compute = compute;
        Trainable = trainable;
    }

    /// <summary>dtype of the matrices and of the hidden states. Norms are fp32 always.</summary>
    public ScalarType Compute { get; }

    /// <summary>The buffer behind the parameters where they are trained.</summary>
    public FlatParameters? Trainable { get; }

    public Device Device => _tensors.Values.First().device;

    public Tensor this[string parameter] => _tensors[parameter];

    public bool Has(string parameter) => _tensors.ContainsKey(parameter);

    /// <summary>Takes over tensors that hold every parameter of the architecture.</summary>
    public static ModelWeights Frozen(Dictionary<string, Tensor> tensors, ScalarType compute) => new(tensors, compute, null);

    /// <summary>Takes over the buffer; the parameters are its leaves.</summary>
    public static ModelWeights Trained(FlatParameters parameters) =>
        new(parameters.Slots.Select((s, i) => (s.Name, Leaf: parameters.Leaf(i))).ToDictionary(p => p.Name, p => p.Leaf, StringComparer.Ordinal),
            ScalarType.Float32, parameters);

    /// <summary>Random trainable parameters: a function of the seed and each parameter's name alone.</summary>
    public static ModelWeights Random(Architecture architecture, long seed, Device? device = null)
    {
        var parameters = FlatParameters.Zeros(architecture.Parameters.Select(p => (p.Name, p.Shape)), device);
        foreach (var spec in architecture.Parameters)
        {
            if (spec.Init == ParameterInit.Normal)
                parameters.FillNormal(spec.Name, seed, architecture.InitializerRange);
            else if (spec.Init == ParameterInit.Ones)
                parameters.Fill(spec.Name, 1);
        }

        return Trained(parameters);
    }

    public void Dispose()
    {
        Trainable?.Dispose();
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
    }
}
