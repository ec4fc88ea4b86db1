using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Whole sequences end to end. Sequences of similar length are attended together as one padded rectangle. Padding stands
/// after a sequence's end, where causality or a mask hides it, so no result depends on what it holds.
/// </summary>
public sealed class PackedLayout : SequenceLayout
{
    private readonly IReadOnlyList<int> _lengths;
    private readonly List<Rectangle> _rectangles;
    private readonly Tensor? _restore;
    private readonly KeyValueCache? _cache;
    private readonly Dictionary<(long Columns, int? Window, Alibi? Alibi), Tensor> _biases = [];

    private PackedLayout(IReadOnlyList<int> lengths, List<Rectangle> rectangles, Tensor? restore, KeyValueCache? cache)
    {
        _lengths = lengths;
        _rectangles = rectangles;
        _restore = restore;
        _cache = cache;
    }

    public override IEnumerable<(int Rows, int Length)> Spans => _lengths.Select(n => (n, n));

    /// <param name="lengths">Length of each sequence.</param>
    /// <param name="device">Where the pass runs.</param>
    /// <param name="cache">Filled with the keys and values of every layer where given.</param>
    public static PackedLayout Create(IReadOnlyList<int> lengths, Device device, KeyValueCache? cache = null)
    {
        using var scope = NewDisposeScope();
        var rectangles = Arrange(lengths, device, out var order);
        var restore = order is null ? null : tensor(order).to(device).DetachFromDisposeScope();
        long[] positions = [.. lengths.SelectMany(n => Enumerable.Range(0, n).Select(i => (long)i))];
        return new PackedLayout(lengths, rectangles, restore, cache) { Positions = tensor(positions).to(device).DetachFromDisposeScope() };
    }

    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionSpec spec)
    {
        _cache?.Fill(layer, key, value, _lengths);
        if (_rectangles.Count == 1 && _restore is null)
            return Attend(_rectangles[0], query, key, value, spec);
        var parts = _rectangles.Select(r => Attend(r, query, key, value, spec)).ToList();
        var joined = parts.Count == 1 ? parts[0] : cat(parts);
        return _restore is null ? joined : joined.index_select(0, _restore);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing)
            return;
        _restore?.Dispose();
        foreach (var bias in _biases.Values)
            bias.Dispose();
        foreach (var rectangle in _rectangles)
        {
            rectangle.Rows?.Dispose();
            rectangle.Padding.Dispose();
        }
    }

    private Tensor Attend(Rectangle r, Tensor query, Tensor key, Tensor value, AttentionSpec spec)
    {
        var bias = spec.Bidirectional ? r.Padding : Bias(r.Columns, spec, key);
        var mixed = ScaledDotProduct.Run(r.Take(query), r.Take(key), r.Take(value), bias, spec);
        return mixed.view(r.Count * r.Columns, -1);
    }

    private Tensor Bias(long columns, AttentionSpec spec, Tensor key)
    {
        if (!_biases.TryGetValue((columns, spec.Window, spec.Alibi), out var bias))
        {
            using var scope = NewDisposeScope();
            bias = ScaledDotProduct.CausalBias(arange(columns, device: key.device), columns, spec.Window);
            bias = (spec.Alibi is { } alibi ? bias + alibi.Bias(columns, key.size(1), key.device) : bias).DetachFromDisposeScope();
            _biases.Add((columns, spec.Window, spec.Alibi), bias);
        }

        return bias;
    }

    /// <summary>Groups sequences by length class; <paramref name="restore"/> maps rows of the joined results back, null for the identity.</summary>
    private static List<Rectangle> Arrange(IReadOnlyList<int> lengths, Device device, out long[]? restore)
    {
        var starts = new long[lengths.Count];
        for (var i = 1; i < starts.Length; i++)
            starts[i] = starts[i - 1] + lengths[i - 1];
        var total = starts[^1] + lengths[^1];
        var rectangles = new List<Rectangle>();
        var back = new long[total];
        long offset = 0;
        foreach (var group in Enumerable.Range(0, lengths.Count).GroupBy(i => LengthClass(lengths[i])))
        {
            int[] members = [.. group];
            long columns = members.Max(i => lengths[i]);
            foreach (var (i, slot) in members.Select((i, slot) => (i, slot)))
            {
                for (var t = 0; t < lengths[i]; t++)
                    back[starts[i] + t] = offset + slot * columns + t;
            }

            rectangles.Add(Rectangle.Create(members, starts, lengths, columns, device));
            offset += members.Length * columns;
        }

        var identity = offset == total && back.Select((r, i) => r == i).All(same => same);
        restore = identity ? null : back;
        return rectangles;
    }

    /// <summary>Sequences of one class differ in length by a factor of at most sqrt(2); the short ones share a class.</summary>
    private static int LengthClass(int length) => length <= 32 ? 10 : (int)Math.Ceiling(2 * Math.Log2(length));

    /// <param name="First">First row where the members' rows are adjacent and fill the rectangle.</param>
    /// <param name="Rows">Otherwise the row of each cell, int64 [Count * Columns]; cells past a sequence's end repeat its first row.</param>
    /// <param name="Padding">0 at the members' tokens, -infinity after their ends: fp32 [Count, 1, 1, 1, Columns], or [1] where nothing is after them.</param>
    private sealed record Rectangle(long Count, long Columns, long First, Tensor? Rows, Tensor Padding)
    {
        internal static Rectangle Create(int[] members, long[] starts, IReadOnlyList<int> lengths, long columns, Device device)
        {
            var full = members.All(i => lengths[i] == columns) && members.Zip(members.Skip(1)).All(p => p.Second == p.First + 1);
            if (full)
                return new Rectangle(members.Length, columns, starts[members[0]], null, zeros([1], ScalarType.Float32, device).DetachFromDisposeScope());
            long[] rows = [.. members.SelectMany(i => Enumerable.Range(0, (int)columns).Select(t => starts[i] + (t < lengths[i] ? t : 0)))];
            float[] hidden = [.. members.SelectMany(i => Enumerable.Range(0, (int)columns).Select(t => t < lengths[i] ? 0 : float.NegativeInfinity))];
            return new Rectangle(members.Length, columns, 0, tensor(rows).to(device).DetachFromDisposeScope(),
                tensor(hidden, [members.Length, 1, 1, 1, columns]).to(device).DetachFromDisposeScope());
        }

        /// <summary>[T, heads, dim] -> [Count, Columns, heads, dim].</summary>
        internal Tensor Take(Tensor x)
        {
            var rows = Rows is null ? x.narrow(0, First, Count * Columns) : x.index_select(0, Rows);
            return rows.view(Count, Columns, x.size(1), x.size(2));
        }
    }
}
