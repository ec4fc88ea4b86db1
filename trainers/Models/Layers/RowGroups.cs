using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Which of several adapters each row of a pass has, laid out as a rectangle: as many cells for every adapter, those that are left over
/// repeat the first row, and nobody reads what comes of them.
/// </summary>
internal sealed class RowGroups : IDisposable
{
    private readonly long _groups;
    private readonly long _width;
    private readonly Tensor? _rowOfCell;
    private readonly Tensor? _cellOfRow;

    private RowGroups(long groups, long width, Tensor slots, Tensor? rowOfCell, Tensor? cellOfRow) =>
        (_groups, _width, Slots, _rowOfCell, _cellOfRow) = (groups, width, slots, rowOfCell, cellOfRow);

    /// <summary>The adapter of each row, int64 [T].</summary>
    internal Tensor Slots { get; }

    /// <param name="slots">The adapter of each row, from 0 on.</param>
    /// <param name="groups">Number of adapters.</param>
    /// <param name="device">Where the pass runs.</param>
    internal static RowGroups Create(IReadOnlyList<int> slots, int groups, Device device)
    {
        using var scope = NewDisposeScope();
        var filled = new int[groups];
        int[] places = [.. slots.Select(s => filled[s]++)];
        var width = filled.Max();
        long[] cells = [.. slots.Zip(places, (slot, place) => (long)slot * width + place)];
        var slotOfRow = Place([.. slots.Select(s => (long)s)]);
        if (cells.Length == groups * width && cells.Select((cell, row) => cell == row).All(same => same))
            return new RowGroups(groups, width, slotOfRow, null, null);
        var rows = new long[groups * width];
        for (var row = 0; row < cells.Length; row++)
            rows[cells[row]] = row;
        return new RowGroups(groups, width, slotOfRow, Place(rows), Place(cells));

        Tensor Place(long[] values) => tensor(values).to(device).DetachFromDisposeScope();
    }

    /// <summary>[T, n] -> [adapters, cells, n].</summary>
    internal Tensor Gather(Tensor x) => (_rowOfCell is null ? x : x.index_select(0, _rowOfCell)).reshape(_groups, _width, x.size(1));

    /// <summary>[adapters, cells, n] -> [T, n].</summary>
    internal Tensor Scatter(Tensor cells)
    {
        var flat = cells.reshape(_groups * _width, cells.size(2));
        return _cellOfRow is null ? flat : flat.index_select(0, _cellOfRow);
    }

    public void Dispose()
    {
        Slots.Dispose();
        _rowOfCell?.Dispose();
        _cellOfRow?.Dispose();
    }
}
