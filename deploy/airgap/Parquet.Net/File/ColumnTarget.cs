namespace Parquet.File;

/// <summary>
/// Where a column is decoded to: the values without nulls, and for each entry its definition and repetition level. Counts what has
/// been filled.
/// </summary>
internal sealed class ColumnTarget<T>
{
    /// <summary>Entries that are made room for before the first page has shown how many there really are.</summary>
    private const int FirstRoom = 1 << 16;

    private readonly int _most;
    private readonly bool _grows;
    private Memory<T> _values;
    private Memory<int> _definitions;
    private Memory<int> _repetitions;

    /// <summary>Into the caller's memory, which was compared with the column's number of entries before.</summary>
    public ColumnTarget(Memory<T> values, Memory<int>? definitions, Memory<int>? repetitions)
    {
        _values = values;
        _definitions = definitions ?? default;
        _repetitions = repetitions ?? default;
    }

    /// <summary>Into memory of its own, which grows with the pages: the footer's word alone takes none.</summary>
    /// <param name="most">Entries that the footer claims.</param>
    public ColumnTarget(int most)
    {
        _most = most;
        _grows = true;
        _values = new T[Math.Min(most, FirstRoom)];
    }

    /// <summary>Entries so far, nulls and empty lists included.</summary>
    public int Entries { get; private set; }

    /// <summary>Values so far.</summary>
    public int Values { get; private set; }

    public ReadOnlyMemory<T> AllValues => _values;

    public ReadOnlyMemory<int> AllDefinitions => _definitions;

    public ReadOnlyMemory<int> AllRepetitions => _repetitions;

    /// <summary>Room for definition levels, counted from the current page's first entry.</summary>
    public Span<int> Definitions(int from, int count) => Room(ref _definitions, Entries + from, count);

    /// <summary>Room for repetition levels, counted from the current page's first entry.</summary>
    public Span<int> Repetitions(int from, int count) => Room(ref _repetitions, Entries + from, count);

    /// <summary>Room for values, counted from the current page's first value.</summary>
    public Span<T> NextValues(int from, int count) => Room(ref _values, Values + from, count);

    public void Advance(int entries, int present)
    {
        Entries += entries;
        Values += present;
    }

    private Span<TItem> Room<TItem>(ref Memory<TItem> memory, int from, int count)
    {
        if (_grows && memory.Length < from + count)
        {
            var larger = new TItem[Math.Min(_most, Math.Max((long)from + count, memory.Length * 2L))];
            memory.Span[..from].CopyTo(larger);
            memory = larger;
        }
        return memory.Span.Slice(from, count);
    }
}
