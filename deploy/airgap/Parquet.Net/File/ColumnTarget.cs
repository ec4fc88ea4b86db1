namespace Parquet.File;

/// <summary>
/// Where a column is decoded to: the values without nulls, and for each entry its definition and repetition level. Counts what has
/// been filled.
/// </summary>
internal sealed class ColumnTarget<T>(Memory<T> values, Memory<int>? definitions, Memory<int>? repetitions)
{
    /// <summary>Entries so far, nulls and empty lists included.</summary>
    public int Entries { get; private set; }

    /// <summary>Values so far.</summary>
    public int Values { get; private set; }

    public Span<int> NextDefinitions(int count) => Levels(definitions, count);

    public Span<int> NextRepetitions(int count) => Levels(repetitions, count);

    /// <exception cref="ParquetException">Thrown by the caller's bound on entries before this can be too small.</exception>
    public Span<T> NextValues(int count) => values.Span.Slice(Values, count);

    public void Advance(int entries, int present)
    {
        Entries += entries;
        Values += present;
    }

    private Span<int> Levels(Memory<int>? levels, int count) =>
        levels is { } memory ? memory.Span.Slice(Entries, count) : throw new InvalidOperationException("no room was given for levels");
}
