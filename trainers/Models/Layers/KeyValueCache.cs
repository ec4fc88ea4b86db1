using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>Keys and values of every layer for a batch of growing sequences: [batch, capacity, kv heads, dim] each. Rows that nobody has yet hold zeros.</summary>
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

    public int Batch { get; private set; }

    public int Capacity { get; private set; }

    /// <summary>Of the first layer, once it has stored something.</summary>
    internal long KeyValueHeads => _keys[0]!.size(2);

    /// <summary>Makes it so large; what is stored of the rows and columns that stay is kept.</summary>
    public void Resize(int batch, int capacity)
    {
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            Resize(ref _keys[layer], batch, capacity);
            Resize(ref _values[layer], batch, capacity);
        }

        (Batch, Capacity) = (batch, capacity);
    }

    /// <summary>Takes over the first columns of a row of another cache of the same model.</summary>
    public void Take(KeyValueCache from, int row, int to, int columns)
    {
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            Take(ref _keys[layer], from._keys[layer], row, to, columns);
            Take(ref _values[layer], from._values[layer], row, to, columns);
        }
    }

    /// <summary>Copies the first columns of a row to another.</summary>
    public void Move(int from, int to, int columns) => Take(this, from, to, columns);

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

    /// <summary>The first rows and columns of a layer's keys and values: [rows, columns, kv heads, dim].</summary>
    internal (Tensor Keys, Tensor Values) Read(int layer, int rows, int columns) => (Part(_keys[layer]!, rows, columns), Part(_values[layer]!, rows, columns));

    private static Tensor Part(Tensor store, int rows, int columns) => store.narrow(0, 0, rows).narrow(1, 0, columns);

    private void Resize(ref Tensor? store, int batch, int capacity)
    {
        if (store is null)
            return;
        using var scope = NewDisposeScope();
        var larger = zeros([batch, capacity, store.size(2), store.size(3)], store.dtype, store.device);
        int rows = Math.Min(batch, Batch), columns = Math.Min(capacity, Capacity);
        if (rows > 0 && columns > 0)
            Part(larger, rows, columns).copy_(Part(store, rows, columns));
        store.Dispose();
        store = larger.DetachFromDisposeScope();
    }

    private void Take(ref Tensor? store, Tensor? from, int row, int to, int columns)
    {
        if (from is null)
            return;
        using var scope = NewDisposeScope();
        store ??= zeros([Batch, Capacity, from.size(2), from.size(3)], from.dtype, from.device).DetachFromDisposeScope();
        store.select(0, to).narrow(0, 0, columns).copy_(from.select(0, row).narrow(0, 0, columns));
    }

    private void Put(ref Tensor? store, Tensor rows, Tensor cells)
    {
        using var scope = NewDisposeScope();
        store ??= zeros([Batch, Capacity, rows.size(1), rows.size(2)], rows.dtype, rows.device).DetachFromDisposeScope();
        store.view(Batch * Capacity, rows.size(1), rows.size(2)).index_copy_(0, cells, rows);
    }
}
