using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>One new token for each of the first sequences of a cache.</summary>
public sealed class DecodeLayout : SequenceLayout
{
    private readonly KeyValueCache _cache;
    private readonly int _columns;
    private readonly Tensor _cells;
    private readonly IReadOnlyList<int> _positions;
    private readonly Dictionary<(int Window, Alibi? Alibi), Tensor> _biases = [];

    private DecodeLayout(KeyValueCache cache, IReadOnlyList<int> positions, Tensor cells)
    {
        _cache = cache;
        _positions = positions;
        _columns = positions.Max() + 1;
        _cells = cells;
    }

    public override IEnumerable<(int Rows, int Length)> Spans => _positions.Select(p => (1, p + 1));

    /// <param name="cache">Holds the tokens before.</param>
    /// <param name="positions">Position of each sequence's new token, of at most as many as the cache has.</param>
    /// <param name="device">Where the pass runs.</param>
    public static DecodeLayout Create(KeyValueCache cache, IReadOnlyList<int> positions, Device device)
    {
        using var scope = NewDisposeScope();
        var cells = tensor([.. positions.Select((p, b) => (long)b * cache.Capacity + p)]).to(device).DetachFromDisposeScope();
        var at = tensor([.. positions.Select(p => (long)p)]).to(device).DetachFromDisposeScope();
        return new DecodeLayout(cache, positions, cells) { Positions = at };
    }

    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionSpec spec)
    {
        _cache.Store(layer, key, value, _cells);
        var (keys, values) = _cache.Read(layer, _positions.Count, _columns);
        return ScaledDotProduct.Run(query.unsqueeze(1), keys, values, Bias(spec), spec).squeeze(1);
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

    private Tensor Bias(AttentionSpec spec)
    {
        if (!_biases.TryGetValue((spec.Window ?? 0, spec.Alibi), out var bias))
        {
            using var scope = NewDisposeScope();
            bias = ScaledDotProduct.CausalBias(Positions.unsqueeze(1), _columns, spec.Window).view(_positions.Count, 1, 1, 1, _columns);
            bias = (spec.Alibi is { } alibi ? bias + alibi.Bias(_columns, _cache.KeyValueHeads, Positions.device) : bias).DetachFromDisposeScope();
            _biases.Add((spec.Window ?? 0, spec.Alibi), bias);
        }

        return bias;
    }
}
