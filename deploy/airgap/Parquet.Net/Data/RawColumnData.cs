using System.Runtime.InteropServices;

namespace Parquet.Data;

/// <summary>A column as it is stored: values without nulls, and levels.</summary>
public abstract class RawColumnData : IDisposable
{
    private readonly Memory<int>? _definitionLevels;
    private readonly Memory<int>? _repetitionLevels;

    private protected RawColumnData(ReadOnlyMemory<int>? definitionLevels, ReadOnlyMemory<int>? repetitionLevels)
    {
        _definitionLevels = Writable(definitionLevels);
        _repetitionLevels = Writable(repetitionLevels);
    }

    /// <exception cref="InvalidOperationException">The column has none.</exception>
    public Span<int> DefinitionLevels => Levels(_definitionLevels, "definition");

    /// <exception cref="InvalidOperationException">The column has none.</exception>
    public Span<int> RepetitionLevels => Levels(_repetitionLevels, "repetition");

    public virtual void Dispose() => GC.SuppressFinalize(this);

    private static Memory<int>? Writable(ReadOnlyMemory<int>? levels) => levels is { } some ? MemoryMarshal.AsMemory(some) : null;

    private static Span<int> Levels(Memory<int>? levels, string kind) =>
        levels is { } some ? some.Span : throw new InvalidOperationException($"{kind} levels are not present for this column");
}

/// <summary>A column of values of one type.</summary>
public class RawColumnData<T> : RawColumnData where T : struct
{
    private readonly Memory<T> _values;

    internal RawColumnData(ReadOnlyMemory<T> values, ReadOnlyMemory<int>? definitionLevels, ReadOnlyMemory<int>? repetitionLevels)
        : base(definitionLevels, repetitionLevels) => _values = MemoryMarshal.AsMemory(values);

    /// <summary>The values that are present, from the front; more room may follow them where the column has nulls.</summary>
    public Span<T> Values => _values.Span;

    /// <summary>Values with nulls in place, for a column that lies neither in a list nor in a struct.</summary>
    public IEnumerable<T?> NullableValues
    {
        get
        {
            int next = 0;
            for (int i = 0; i < DefinitionLevels.Length; i++) yield return DefinitionLevels[i] == 0 ? null : Values[next++];
        }
    }
}
