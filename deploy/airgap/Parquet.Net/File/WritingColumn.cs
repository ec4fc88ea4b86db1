using Parquet.Schema;

namespace Parquet.File;

/// <summary>A column about to be written: values without nulls, and levels where the column has them.</summary>
internal sealed class WritingColumn<T>(DataField target, ReadOnlyMemory<T> values, ReadOnlyMemory<int>? definitions, ReadOnlyMemory<int>? repetitions)
    where T : struct
{
    public DataField Field => target;

    public ReadOnlyMemory<T> Values => values;

    public int Entries => definitions?.Length ?? values.Length;

    public ReadOnlySpan<int> Definitions => definitions is { } levels ? levels.Span : [];

    public ReadOnlySpan<int> Repetitions => repetitions is { } levels ? levels.Span : [];

    public long Rows => target.MaxRepetitionLevel > 0 ? Repetitions.Count(0) : Entries;

    /// <summary>Nulls in place of values that are missing at the last level.</summary>
    public static WritingColumn<T> FromNullable(DataField field, ReadOnlyMemory<T?> values, ReadOnlyMemory<int>? repetitions)
    {
        ReadOnlySpan<T?> all = values.Span;
        int[] definitions = new int[all.Length];
        T[] present = new T[all.Length];
        int count = 0;
        for (int i = 0; i < all.Length; i++)
        {
            definitions[i] = all[i].HasValue ? field.MaxDefinitionLevel : field.MaxDefinitionLevel - 1;
            if (all[i] is { } value) present[count++] = value;
        }
        return new WritingColumn<T>(field, present.AsMemory(0, count), definitions, repetitions);
    }

    /// <summary>Refuses what would make a file that no reader can read.</summary>
    public void Check()
    {
        target.EnsureAttached(nameof(Field));
        if (target.ClrType != typeof(T)) throw new ArgumentException($"expected values of type {target.ClrType} but passed {typeof(T)}");
        if (target.MaxRepetitionLevel > 0) CheckRepetitions();
        if (target.MaxDefinitionLevel > 0) CheckDefinitions();
        else if (Entries != values.Length) throw new ArgumentException($"column '{target.Path}' cannot hold nulls");
    }

    private void CheckRepetitions()
    {
        if (repetitions is null) throw new ArgumentException($"repetition levels are required for column '{target.Path}' (RL={target.MaxRepetitionLevel})");
        if (Repetitions.Length != Entries) throw new ArgumentException($"column '{target.Path}' has {Repetitions.Length} repetition levels for {Entries} entries");
        if (Repetitions.ContainsAnyExceptInRange(0, target.MaxRepetitionLevel)) throw new ArgumentException($"column '{target.Path}' has a repetition level above {target.MaxRepetitionLevel}");
        if (Entries > 0 && Repetitions[0] != 0) throw new ArgumentException($"column '{target.Path}' must begin with repetition level 0");
    }

    private void CheckDefinitions()
    {
        if (definitions is null) throw new InvalidOperationException($"definition levels are required for column '{target.Path}'; write nullable values or all parts");
        if (Definitions.ContainsAnyExceptInRange(0, target.MaxDefinitionLevel)) throw new ArgumentException($"column '{target.Path}' has a definition level above {target.MaxDefinitionLevel}");
        int present = Definitions.Count(target.MaxDefinitionLevel);
        if (present != values.Length) throw new ArgumentException($"column '{target.Path}' has {values.Length} values where its definition levels say {present}");
    }
}
