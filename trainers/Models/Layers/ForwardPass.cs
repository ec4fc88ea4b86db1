using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// One forward pass over one layout: the operations that families are written in. The adapter belongs to the pass, not to the
/// model, so that many adapters share one resident base.
/// </summary>
public sealed class ForwardPass : IDisposable
{
    private readonly ModelWeights _weights;
    private readonly LoraAdapter? _adapter;
    private readonly SequenceLayout _layout;
    private readonly LoraDropout? _dropout;
    private readonly Dictionary<RotarySpec, (Tensor Cos, Tensor Sin)> _rotations = [];
    private readonly SortedSet<int> _touched = [];
    private readonly AdapterBank? _bank;
    private readonly int[] _slots = [];
    private RowGroups? _groups;

    /// <param name="weights">The base; never changed.</param>
    /// <param name="layout">What attends to what.</param>
    /// <param name="adapter">Added to the linear layers it covers.</param>
    /// <param name="dropoutSeed">Seed of the adapter's dropout masks in training; null: no dropout.</param>
    public ForwardPass(ModelWeights weights, SequenceLayout layout, LoraAdapter? adapter = null, long? dropoutSeed = null)
    {
        _weights = weights;
        _layout = layout;
        _adapter = adapter;
        if (adapter is { Plan.Spec.Dropout: > 0 } && dropoutSeed is { } seed)
            _dropout = new LoraDropout(seed, adapter.Plan.Spec.Dropout);
    }

    /// <summary>A pass whose rows have different adapters; without gradients.</summary>
    /// <param name="weights">The base; never changed.</param>
    /// <param name="layout">What attends to what.</param>
    /// <param name="bank">Holds every one of the adapters.</param>
    /// <param name="adapters">The adapter of each row; null: none.</param>
    public ForwardPass(ModelWeights weights, SequenceLayout layout, AdapterBank bank, IReadOnlyList<LoraAdapter?> adapters)
        : this(weights, layout)
    {
        _bank = bank;
        _slots = [.. adapters.Select(bank.SlotOf)];
        _groups = RowGroups.Create(_slots, bank.Count, weights.Device);
    }

    /// <summary>dtype of the hidden states.</summary>
    public ScalarType Compute => _weights.Compute;

    public Tensor Positions => _layout.Positions;

    /// <summary>Segment of each row, int64 [T]; null: all of the first kind.</summary>
    public Tensor? TokenTypes { get; init; }

    /// <summary>Rows of a table: ids [T] -> [T, dim].</summary>
    public Tensor Embed(string parameter, Tensor ids) => Use(parameter).index_select(0, ids);

    /// <summary>x [T, in] -> [T, out], with the adapter's part where it covers the module.</summary>
    public Tensor Linear(string module, Tensor x) => Project(module, Use(module + ".weight"), x);

    /// <summary>The same where the published weight is [in, out].</summary>
    public Tensor Conv1D(string module, Tensor x) => Project(module, Use(module + ".weight").t(), x);

    private Tensor Project(string module, Tensor weight, Tensor x)
    {
        var bias = module + ".bias";
        var offset = Has(bias) ? Use(bias) : null;
        if (_bank?.Find(module) is { } stacked)
            return stacked.Project(weight, offset, x, _groups!);
        if (_adapter?.Find(module) is not { } lora)
            return nn.functional.linear(x, weight, offset);
        _touched.UnionWith(lora.Slots);
        return lora.Project(_weights, weight, offset, x, _dropout);
    }

    /// <summary>Runs a part of a layer on some of the pass's rows only.</summary>
    /// <param name="rows">Which ones, in the order of what the part is given.</param>
    /// <param name="part">What is run.</param>
    internal Tensor OnRows(IReadOnlyList<long> rows, Func<Tensor> part)
    {
        if (_bank is null)
            return part();
        var all = _groups;
        using var some = RowGroups.Create([.. rows.Select(r => _slots[r])], _bank.Count, _weights.Device);
        try
        {
            _groups = some;
            return part();
        }
        finally
        {
            _groups = all;
        }
    }

    /// <summary>A parameter itself, for what families do with their own.</summary>
    public Tensor Parameter(string name) => Use(name);

    /// <summary>x times a factor that is rounded to the pass's dtype first, as models that were trained so expect.</summary>
    public Tensor Scale(Tensor x, double factor)
    {
        float[] one = [(float)factor];
        return x * tensor(one).to(Compute).to(ScalarType.Float32).item<float>();
    }

    /// <summary>x / sqrt(mean(x^2) + eps) * w, in fp32 whatever the dtype of x (Zhang and Sennrich 2019).</summary>
    public Tensor RmsNorm(string parameter, Tensor x, double epsilon)
    {
        var wide = x.to(ScalarType.Float32);
        var scale = (wide.square().mean([-1], keepdim: true) + epsilon).rsqrt();
        return (wide * scale * Use(parameter)).to(Compute);
    }

    /// <summary>The same with the factor 1 + w.</summary>
    public Tensor OffsetRmsNorm(string parameter, Tensor x, double epsilon)
    {
        var wide = x.to(ScalarType.Float32);
        var scale = (wide.square().mean([-1], keepdim: true) + epsilon).rsqrt();
        return (wide * scale * (Use(parameter) + 1)).to(Compute);
    }

    /// <summary>Layer norm over the last dimension (Ba et al. 2016), in fp32 whatever the dtype of x.</summary>
    /// <param name="module">Has <c>.weight</c> and perhaps <c>.bias</c>; null: neither.</param>
    public Tensor LayerNorm(string? module, Tensor x, double epsilon) => LayerNorm(
        module is null ? null : Use(module + ".weight"), module is not null && Has(module + ".bias") ? Use(module + ".bias") : null, x, epsilon);

    /// <summary>Rotates the pairs of each head by its row's position: [T, heads, dim] -> the same.</summary>
    public Tensor Rotate(Tensor x, RotarySpec spec)
    {
        var (cos, sin) = Rotation(spec, x.device);
        long half = spec.Dim / 2, dim = x.size(-1);
        if (spec.Interleaved)
            return RotateInterleaved(x, spec.Dim, cos, sin);
        Tensor first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
        List<Tensor> parts = [first * cos - second * sin, second * cos + first * sin];
        if (dim > spec.Dim)
            parts.Add(x.narrow(-1, spec.Dim, dim - spec.Dim));
        return cat(parts, -1);
    }

    /// <inheritdoc cref="SequenceLayout.Attend"/>
    public Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionSpec spec) =>
        _layout.Attend(layer, query, key, value, spec);

    /// <summary>The trainable parameters used since the last call: indices of slots, ascending.</summary>
    internal int[] TakeTouched()
    {
        int[] touched = [.. _touched];
        _touched.Clear();
        return touched;
    }

    public void Dispose()
    {
        _groups?.Dispose();
        foreach (var (cos, sin) in _rotations.Values)
        {
            cos.Dispose();
            sin.Dispose();
        }
    }

    private bool Has(string parameter) => _adapter?.SavedSlot(parameter) is not null || _weights.Has(parameter);

    private Tensor Use(string parameter)
    {
        if (_adapter?.SavedSlot(parameter) is { } slot)
        {
            _touched.Add(slot);
            var leaf = _adapter.Parameters.Leaf(slot);
            return _adapter.Plan.SavedAt(parameter).Norm ? leaf : leaf.to(Compute);
        }

        if (_weights.Trainable is { } trainable)
            _touched.Add(trainable.IndexOf(parameter));
        return _weights[parameter];
    }

    /// <summary>[T, 1, Dim / 2] each.</summary>
    private (Tensor Cos, Tensor Sin) Rotation(RotarySpec spec, Device device)
    {
        if (!_rotations.TryGetValue(spec, out var rotation))
        {
            using var scope = NewDisposeScope();
            var angles = Angles(spec, device).unsqueeze(1);
            Tensor cos = angles.cos(), sin = angles.sin();
            if (spec.AttentionFactor != 1)
                (cos, sin) = (cos * spec.AttentionFactor, sin * spec.AttentionFactor);
            rotation = (cos.to(Compute).DetachFromDisposeScope(), sin.to(Compute).DetachFromDisposeScope());
            _rotations.Add(spec, rotation);
        }

        return rotation;
    }

    /// <summary>[T, Dim / 2] in fp32.</summary>
    private Tensor Angles(RotarySpec spec, Device device)
    {
        var positions = Positions.to(ScalarType.Float32);
        if (!spec.DependsOnLength)
            return positions.outer(tensor(spec.InverseFrequencies()).to(device));
        var parts = new List<Tensor>();
        long at = 0;
        foreach (var (rows, length) in _layout.Spans)
        {
            parts.Add(positions.narrow(0, at, rows).outer(tensor(spec.InverseFrequencies(length)).to(device)));
            at += rows;
        }

        return cat(parts);
    }

    private static Tensor RotateInterleaved(Tensor x, long rotated, Tensor cos, Tensor sin)
    {
        long rows = x.size(0), heads = x.size(1), dim = x.size(2);
        var pairs = x.narrow(-1, 0, rotated).reshape(rows, heads, rotated / 2, 2);
        Tensor first = pairs.select(-1, 0), second = pairs.select(-1, 1);
        var turned = stack([first * cos - second * sin, second * cos + first * sin], -1).view(rows, heads, rotated);
        return dim > rotated ? cat([turned, x.narrow(-1, rotated, dim - rotated)], -1) : turned;
    }

    private Tensor LayerNorm(Tensor? weight, Tensor? bias, Tensor x, double epsilon) =>
        nn.functional.layer_norm(x.to(ScalarType.Float32), [x.size(-1)], weight, bias, epsilon).to(Compute);
}
