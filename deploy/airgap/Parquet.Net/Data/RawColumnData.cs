namespace Parquet.Data;

/// <summary>A column as it is stored: values without nulls, and levels.</summary>
public abstract class RawColumnData : IDisposable
{
    private readonly int[]? _definitionLevels;
    private readonly int[]? _repetitionLevels;

    private protected RawColumnData(int[]? definitionLevels, int[]? repetitionLevels)
    {
        _definitionLevels = definitionLevels;
        _repetitionLevels = repetitionLevels;
    }

    /// <exception cref="InvalidOperationException">The column has none.</exception>
    public Span<int> DefinitionLevels =>
        _definitionLevels ?? throw new InvalidOperationException("definition levels are not present for this column");

    /// <exception cref="InvalidOperationException">The column has none.</exception>
    public Span<int> RepetitionLevels =>
        _repetitionLevels ?? throw new InvalidOperationException("repetition levels are not present for this column");

    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>A column of values of one type.</summary>
public class RawColumnData<T> : RawColumnData where T : struct
{
    private readonly T[] _values;

    internal RawColumnData(T[] values, int[]? definitionLevels, int[]? repetitionLevels) : base(definitionLevels, repetitionLevels) => _values = values;

    /// <summary>Room for every entry of the column, filled from the front with the values that are present.</summary>
    public Span<T> Values => _values;

    /// <summary>Values with nulls in place, for a column that lies neither in a list nor in a struct.</summary>
    public IEnumerable<T?> NullableValues
    {
        get
        {
            int next = 0;
            for (int i = 0; i < DefinitionLevels.Length; i++) yield return DefinitionLevels[i] == 0 ? null : _values[next++];
        }
    }
}
