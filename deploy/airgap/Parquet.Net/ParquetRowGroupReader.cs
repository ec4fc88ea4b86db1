using Parquet.Data;
using Parquet.File;
using Parquet.Meta;
using Parquet.Schema;

namespace Parquet;

/// <summary>Reads the columns of one row group, in any order.</summary>
public class ParquetRowGroupReader : IDisposable
{
    private readonly Dictionary<FieldPath, ColumnChunk> _chunks = [];
    private readonly HashSet<FieldPath> _ambiguous = [];
    private readonly Stream _stream;
    private readonly long _dataEnd;

    internal ParquetRowGroupReader(RowGroup group, HashSet<FieldPath> columns, Stream stream, long dataEnd)
    {
        RowGroup = group;
        _stream = stream;
        _dataEnd = dataEnd;
        foreach (ColumnChunk chunk in group.Columns)
        {
            if (chunk.MetaData is not { } meta) continue;
            var path = new FieldPath(meta.PathInSchema);
            if (columns.Contains(path) && !_chunks.TryAdd(path, chunk)) _ambiguous.Add(path);
        }
    }

    /// <summary>The footer's own words about this row group.</summary>
    public RowGroup RowGroup { get; }

    /// <summary>Rows, whatever the number of values in repeated columns.</summary>
    public long RowCount => RowGroup.NumRows;

    public bool ColumnExists(DataField field) => GetMetadata(field) is not null;

    public ColumnChunk? GetMetadata(DataField field)
    {
        ArgumentNullException.ThrowIfNull(field);
        return _chunks.GetValueOrDefault(field.Path);
    }

    /// <summary>Key-value pairs of one column.</summary>
    public Dictionary<string, string> GetCustomMetadata(DataField field)
    {
        var pairs = new Dictionary<string, string>();
        foreach (KeyValue pair in GetMetadata(field)?.MetaData?.KeyValueMetadata ?? []) pairs[pair.Key] = pair.Value ?? string.Empty;
        return pairs;
    }

    /// <summary>What the footer claims about a column's values. Not to be relied upon.</summary>
    public DataColumnStatistics? GetStatistics(DataField field)
    {
        Statistics? stats = Chunk(field).Statistics;
        return stats is null ? null : StatisticsReader.Read(stats, field.SchemaElement);
    }

    /// <summary>
    /// Reads a column as it is stored: values without nulls, and levels. <paramref name="values"/> and the levels need room for the
    /// chunk's NumValues; values are filled from the front, levels completely.
    /// </summary>
    /// <exception cref="ParquetException">The column is damaged, over a limit, or uses something that is not supported.</exception>
    /// <exception cref="ArgumentException">A buffer is too small or missing, or <typeparamref name="T"/> is not the column's type.</exception>
    public async ValueTask ReadRawAsync<T>(DataField field, Memory<T> values, Memory<int>? definitionLevels, Memory<int>? repetitionLevels,
        CancellationToken cancellationToken = default) where T : struct
    {
        await ReadAnyAsync(field, values, definitionLevels, repetitionLevels, cancellationToken);
    }

    /// <summary>Reads a column into buffers of its own. The result is a <see cref="RawColumnData{T}"/> of the field's <see cref="DataField.ClrType"/>.</summary>
    public async ValueTask<RawColumnData> ReadRawColumnDataBaseAsync(DataField field, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(field);
        System.Type type = field.ClrType;
        return type == typeof(ReadOnlyMemory<char>) ? await RawAsync<ReadOnlyMemory<char>>(field, cancellationToken)
            : type == typeof(ReadOnlyMemory<byte>) ? await RawAsync<ReadOnlyMemory<byte>>(field, cancellationToken)
            : type == typeof(int) ? await RawAsync<int>(field, cancellationToken)
            : type == typeof(long) ? await RawAsync<long>(field, cancellationToken)
            : type == typeof(float) ? await RawAsync<float>(field, cancellationToken)
            : type == typeof(double) ? await RawAsync<double>(field, cancellationToken)
            : type == typeof(bool) ? await RawAsync<bool>(field, cancellationToken)
            : type == typeof(DateTime) ? await RawAsync<DateTime>(field, cancellationToken)
            : type == typeof(DateOnly) ? await RawAsync<DateOnly>(field, cancellationToken)
            : type == typeof(decimal) ? await RawAsync<decimal>(field, cancellationToken)
            : type == typeof(Guid) ? await RawAsync<Guid>(field, cancellationToken)
            : type == typeof(uint) ? await RawAsync<uint>(field, cancellationToken)
            : type == typeof(ulong) ? await RawAsync<ulong>(field, cancellationToken)
            : type == typeof(short) ? await RawAsync<short>(field, cancellationToken)
            : type == typeof(ushort) ? await RawAsync<ushort>(field, cancellationToken)
            : type == typeof(sbyte) ? await RawAsync<sbyte>(field, cancellationToken)
            : await RawAsync<byte>(field, cancellationToken);
    }

    /// <summary>Reads a column that has no nulls.</summary>
    public async ValueTask ReadAsync<T>(DataField field, Memory<T> values, Memory<int>? repetitionLevels = null,
        CancellationToken cancellationToken = default) where T : struct
    {
        await ReadAnyAsync(field, values, null, repetitionLevels, cancellationToken);
    }

    /// <summary>Reads a column with nulls in place. For columns within lists use <see cref="ReadRawAsync"/>.</summary>
    public async ValueTask ReadAsync<T>(DataField field, Memory<T?> values, Memory<int>? repetitionLevels = null,
        CancellationToken cancellationToken = default) where T : struct
    {
        T[] present = new T[Room(field, values.Length)];
        int[] definitions = Definitions(field);
        await ReadAnyAsync(field, present.AsMemory(), definitions, repetitionLevels, cancellationToken);
        int next = 0;
        for (int i = 0; i < RowCount; i++) values.Span[i] = IsNull(field, definitions, i) ? null : present[next++];
    }

    /// <summary>Reads a column of text with nulls in place. For columns within lists use <see cref="ReadRawAsync"/>.</summary>
    public ValueTask ReadAsync(DataField field, Memory<string?> values, Memory<int>? repetitionLevels = null,
        CancellationToken cancellationToken = default) =>
        ReadReferencesAsync<string>(field, values, repetitionLevels, cancellationToken);

    /// <summary>Reads a column of byte arrays with nulls in place. For columns within lists use <see cref="ReadRawAsync"/>.</summary>
    public async ValueTask ReadAsync(DataField field, Memory<byte[]?> values, Memory<int>? repetitionLevels = null,
        CancellationToken cancellationToken = default)
    {
        var bytes = new ReadOnlyMemory<byte>?[Room(field, values.Length)];
        await ReadAsync<ReadOnlyMemory<byte>>(field, bytes.AsMemory(), repetitionLevels, cancellationToken);
        for (int i = 0; i < RowCount; i++) values.Span[i] = bytes[i]?.ToArray();
    }

    /// <summary>Holds nothing to release.</summary>
    public void Dispose() => GC.SuppressFinalize(this);

    private static bool IsNull(DataField field, int[] definitions, int i) => field.MaxDefinitionLevel > 0 && definitions[i] < field.MaxDefinitionLevel;

    private async ValueTask ReadReferencesAsync<T>(DataField field, Memory<T?> values, Memory<int>? repetitionLevels, CancellationToken cancel) where T : class
    {
        T[] present = new T[Room(field, values.Length)];
        int[] definitions = Definitions(field);
        await ReadAnyAsync(field, present.AsMemory(), definitions, repetitionLevels, cancel);
        int next = 0;
        for (int i = 0; i < RowCount; i++) values.Span[i] = IsNull(field, definitions, i) ? null : present[next++];
    }

    private async ValueTask<RawColumnData> RawAsync<T>(DataField field, CancellationToken cancel) where T : struct
    {
        var target = new ColumnTarget<T>((int)Chunk(field).NumValues);
        await ReadIntoAsync(field, target, cancel);
        ReadOnlyMemory<int>? definitions = null, repetitions = null;
        if (field.MaxDefinitionLevel > 0) definitions = target.AllDefinitions[..target.Entries];
        if (field.MaxRepetitionLevel > 0) repetitions = target.AllRepetitions[..target.Entries];
        return new RawColumnData<T>(target.AllValues, definitions, repetitions);
    }

    private async ValueTask ReadAnyAsync<T>(DataField field, Memory<T> values, Memory<int>? definitions, Memory<int>? repetitions, CancellationToken cancel)
    {
        ColumnMetaData chunk = Chunk(field);
        Fits(field, "Values", values.Length, chunk.NumValues);
        if (field.MaxDefinitionLevel > 0) Fits(field, "Definition levels", definitions?.Length, chunk.NumValues);
        if (field.MaxRepetitionLevel > 0) Fits(field, "Repetition levels", repetitions?.Length, chunk.NumValues);
        await ReadIntoAsync(field, new ColumnTarget<T>(values, definitions, repetitions), cancel);
    }

    private async ValueTask ReadIntoAsync<T>(DataField field, ColumnTarget<T> target, CancellationToken cancel)
    {
        SchemaElement element = field.SchemaElement
            ?? throw new ArgumentException($"Field [{field}] does not come from a file's schema", nameof(field));
        var reader = new ColumnReader<T>(field, Chunk(field), element, target);
        await reader.ReadAsync(_stream, _dataEnd, RowCount, cancel);
    }

    private static void Fits(DataField field, string what, int? length, long needed)
    {
        if (length is null) throw new ArgumentException($"{what} buffer is required for field '{field.Path}'");
        if (length < needed) throw new ArgumentException($"{what} buffer is too small for field '{field.Path}' (length {length} < {needed})");
    }

    /// <summary>The chunk, after its claims have been compared with what the file can hold.</summary>
    private ColumnMetaData Chunk(DataField field)
    {
        ColumnChunk chunk = GetMetadata(field) ?? throw new ParquetException($"'{field.Path}' does not exist in this file");
        if (_ambiguous.Contains(field.Path)) throw new ParquetException($"the file has several columns named '{field.Path}'");
        ColumnMetaData meta = chunk.MetaData!;
        if (chunk.FilePath is not null) throw new ParquetException($"column '{field.Path}' lies in another file, which is not supported");
        if (chunk.IsEncrypted) throw new ParquetException($"column '{field.Path}' is encrypted, which is not supported");
        if (meta.NumValues is < 0 or > Limits.Values)
            throw new ParquetException($"column '{field.Path}' claims {meta.NumValues} values in one row group; at most {Limits.Values} are accepted (write smaller row groups)");
        return meta;
    }

    private int Room(DataField field, int given)
    {
        Fits(field, "Values", given, Math.Max(RowCount, Chunk(field).NumValues));
        return given;
    }

    private int[] Definitions(DataField field) => field.MaxDefinitionLevel > 0 ? new int[RowCount] : [];
}
