using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>One new token for each sequence of a cache.</summary>
public sealed class DecodeLayout : SequenceLayout
{
    private readonly KeyValueCache _cache;
    private readonly int _columns;
    private readonly Tensor _cells;
    private readonly Dictionary<int, Tensor> _biases = [];

    private DecodeLayout(KeyValueCache cache, int columns, Tensor cells)
    {
        _cache = cache;
        _columns = columns;
        _cells = cells;
    }

    /// <param name="cache">Holds the tokens before.</param>
    /// <param name="positions">Position of each sequence's new token.</param>
    /// <param name="device">Where the pass runs.</param>
    public static DecodeLayout Create(KeyValueCache cache, IReadOnlyList<int> positions, Device device)
    {
        using var scope = NewDisposeScope();
        var cells = tensor([.. positions.Select((p, b) => (long)b * cache.Capacity + p)]).to(device).DetachFromDisposeScope();
        var at = tensor([.. positions.Select(p => (long)p)]).to(device).DetachFromDisposeScope();
        return new DecodeLayout(cache, positions.Max() + 1, cells) { Positions = at };
    }

    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionSpec spec)
    {
        _cache.Store(layer, key, value, _cells);
        var (keys, values) = _cache.Read(layer, _columns);
        return ScaledDotProduct.Run(query.unsqueeze(1), keys, values, Bias(spec.Window), spec.Scale).squeeze(1);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing)
            return;
        _cells.Dispose();
        foreach (var bias in _biases.Values)
            bias.Dispose();
    }

    private Tensor Bias(int? window)
    {
        if (!_biases.TryGetValue(window ?? 0, out var bias))
        {
            using var scope = NewDisposeScope();
            bias = ScaledDotProduct.CausalBias(Positions.unsqueeze(1), _columns, window).view(_cache.Batch, 1, 1, 1, _columns).DetachFromDisposeScope();
            _biases.Add(window ?? 0, bias);
        }

        return bias;
    }
}
