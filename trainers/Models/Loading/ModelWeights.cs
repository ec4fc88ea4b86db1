using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>A model's parameters in memory: frozen, or (fp32 only) views of one flat trainable buffer.</summary>
public sealed class ModelWeights : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors;
    private readonly Dictionary<string, Nf4Matrix> _quantized;
    private readonly Dictionary<string, Tensor> _rowLengths = new(StringComparer.Ordinal);

    private ModelWeights(Dictionary<string, Tensor> tensors, ScalarType compute, FlatParameters? trainable, Dictionary<string, Nf4Matrix>? quantized = null)
    {
        _tensors = tensors;
        _quantized = quantized ?? [];
        Compute = compute;
        Trainable = trainable;
    }

    /// <summary>dtype of the matrices and of the hidden states. Norms are fp32 always.</summary>
    public ScalarType Compute { get; }

    /// <summary>The buffer behind the parameters where they are trained.</summary>
    public FlatParameters? Trainable { get; }

    public Device Device => _tensors.Values.First().device;

    /// <summary>Some matrices are in 4 bits: they are made whole at each use, so a training pass had better not keep them for its backward.</summary>
    public bool IsQuantized => _quantized.Count > 0;

    /// <summary>A parameter; one that is quantised is made anew, in the caller's dispose scope.</summary>
    public Tensor this[string parameter] => _quantized.TryGetValue(parameter, out var matrix) ? matrix.Dequantize(Compute) : _tensors[parameter];

    public bool Has(string parameter) => _tensors.ContainsKey(parameter) || _quantized.ContainsKey(parameter);

    /// <summary>Sum of squares of each output's weights, fp32 [out]; kept, since the base does not change.</summary>
    /// <param name="parameter">A matrix.</param>
    /// <param name="transposed">It is stored [in, out].</param>
    internal Tensor SquaredRowLengths(string parameter, bool transposed)
    {
        if (Trainable is not null)
            throw new InvalidOperationException("The lengths of rows are kept for frozen weights only.");
        if (!_rowLengths.TryGetValue(parameter, out var lengths))
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            lengths = this[parameter].to(ScalarType.Float32).square().sum(transposed ? 0 : -1).DetachFromDisposeScope();
            _rowLengths.Add(parameter, lengths);
        }

        return lengths;
    }

    /// <summary>Takes over tensors that hold every parameter of the architecture.</summary>
    public static ModelWeights Frozen(Dictionary<string, Tensor> tensors, ScalarType compute) => new(tensors, compute, null);

    /// <summary>The same with some of the parameters in 4 bits.</summary>
    internal static ModelWeights Frozen(Dictionary<string, Tensor> tensors, Dictionary<string, Nf4Matrix> quantized, ScalarType compute) => new(tensors, compute, null, quantized);

    /// <summary>Takes over the buffer; the parameters are its leaves.</summary>
    public static ModelWeights Trained(FlatParameters parameters) =>
        new(parameters.Slots.Select((s, i) => (s.Name, Leaf: parameters.Leaf(i))).ToDictionary(p => p.Name, p => p.Leaf, StringComparer.Ordinal),
            ScalarType.Float32, parameters);

    /// <summary>Random trainable parameters: a function of the seed and each parameter's name alone.</summary>
    public static ModelWeights Random(Architecture architecture, long seed, Device? device = null)
    {
        var parameters = FlatParameters.Zeros(architecture.Parameters.Select(p => (p.Name, p.Shape)), device);
        foreach (var spec in architecture.Parameters)
            parameters.Fill(spec, seed, architecture.InitializerRange);

        return Trained(parameters);
    }

    public void Dispose()
    {
        Trainable?.Dispose();
        foreach (var lengths in _rowLengths.Values)
            lengths.Dispose();
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
        foreach (var matrix in _quantized.Values)
            matrix.Dispose();
    }
}
