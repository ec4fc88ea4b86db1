using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>Keys and values of every layer for a batch of growing sequences: [batch, capacity, kv heads, dim] each.</summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Tensor?[] _keys;
    private readonly Tensor?[] _values;

    public KeyValueCache(int layers, int batch, int capacity)
    {
        _keys = new Tensor?[layers];
        _values = new Tensor?[layers];
        Batch = batch;
        Capacity = capacity;
    }

    public int Batch { get; }

    public int Capacity { get; }

    /// <summary>Of the first layer, once it has stored something.</summary>
    internal long KeyValueHeads => _keys[0]!.size(2);

    public void Dispose()
    {
        foreach (var t in _keys.Concat(_values))
            t?.Dispose();
    }

    /// <summary>Stores whole sequences, laid end to end, from position 0.</summary>
    internal void Fill(int layer, Tensor key, Tensor value, IReadOnlyList<int> lengths)
    {
        long[] rows = [.. lengths.SelectMany((n, b) => Enumerable.Range(0, n).Select(t => (long)b * Capacity + t))];
        using var index = tensor(rows).to(key.device);
        Store(layer, key, value, index);
    }

    /// <summary>Stores rows at the given cells (batch * capacity + position).</summary>
    internal void Store(int layer, Tensor key, Tensor value, Tensor cells)
    {
        Put(ref _keys[layer], key, cells);
        Put(ref _values[layer], value, cells);
    }

    /// <summary>The first columns of a layer's keys and values: [batch, columns, kv heads, dim].</summary>
    internal (Tensor Keys, Tensor Values) Read(int layer, int columns) =>
        (_keys[layer]!.narrow(1, 0, columns), _values[layer]!.narrow(1, 0, columns));

    private void Put(ref Tensor? store, Tensor rows, Tensor cells)
    {
        using var scope = NewDisposeScope();
        store ??= zeros([Batch, Capacity, rows.size(1), rows.size(2)], rows.dtype, rows.device).DetachFromDisposeScope();
        store.view(Batch * Capacity, rows.size(1), rows.size(2)).index_copy_(0, cells, rows);
    }
}
