using Parquet.File;
using Parquet.Meta;
using Parquet.Schema;

namespace Parquet;

/// <summary>Writes the columns of one row group, in the schema's order.</summary>
public class ParquetRowGroupWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly DataField[] _columns;
    private readonly SchemaElement[] _elements;
    private readonly ParquetOptions _options;
    private readonly RowGroup _group = new();
    private int _next;

    internal ParquetRowGroupWriter(Stream stream, ParquetSchema schema, FileMetaData meta, ParquetOptions options)
    {
        _stream = stream;
        _columns = schema.DataFields;
        _elements = [.. meta.Schema.Where(element => element.Type is not null)];
        _options = options;
        _group.FileOffset = stream.Position;
        meta.RowGroups.Add(_group);
    }

    internal long? RowCount { get; private set; }

    public Task WriteAsync(DataField field, IReadOnlyCollection<string?> values, ReadOnlyMemory<int>? repetitionLevels = null)
    {
        var memory = new ReadOnlyMemory<char>?[values.Count];
        int i = 0;
        foreach (string? value in values) memory[i++] = value?.AsMemory();
        return WriteAsync(field, new ReadOnlyMemory<ReadOnlyMemory<char>?>(memory), repetitionLevels);
    }

    public Task WriteAsync(DataField field, IReadOnlyCollection<byte[]?> values, ReadOnlyMemory<int>? repetitionLevels = null)
    {
        var memory = new ReadOnlyMemory<byte>?[values.Count];
        int i = 0;
        foreach (byte[]? value in values) memory[i++] = value is null ? default(ReadOnlyMemory<byte>?) : value.AsMemory();
        return WriteAsync(field, new ReadOnlyMemory<ReadOnlyMemory<byte>?>(memory), repetitionLevels);
    }

    /// <summary>Writes the next column. A null is missing at the column's last level; for lists and structs that are null themselves use <see cref="WriteAllPartsAsync"/>.</summary>
    public Task WriteAsync<T>(DataField field, ReadOnlyMemory<T?> values, ReadOnlyMemory<int>? repetitionLevels = null,
        Dictionary<string, string>? customMetadata = null, CancellationToken cancellationToken = default) where T : struct =>
        WriteAsync(WritingColumn<T>.FromNullable(field, values, repetitionLevels), customMetadata, cancellationToken);

    /// <summary>Writes the next column, which must not be nullable.</summary>
    public Task WriteAsync<T>(DataField field, ReadOnlyMemory<T> values, ReadOnlyMemory<int>? repetitionLevels = null,
        Dictionary<string, string>? customMetadata = null, CancellationToken cancellationToken = default) where T : struct
    {
        ReadOnlyMemory<int>? definitions = null;
        if (field.IsArray) definitions = Enumerable.Repeat(field.MaxDefinitionLevel, values.Length).ToArray();
        return WriteAsync(new WritingColumn<T>(field, values, definitions, repetitionLevels), customMetadata, cancellationToken);
    }

    /// <summary>Writes the next column as it is stored: values without nulls, and levels.</summary>
    public Task WriteAllPartsAsync<T>(DataField field, ReadOnlyMemory<T> values, ReadOnlyMemory<int>? definitionValues,
        ReadOnlyMemory<int>? repetitionLevels, CancellationToken cancellationToken) where T : struct =>
        WriteAsync(new WritingColumn<T>(field, values, definitionValues, repetitionLevels), null, cancellationToken);

    /// <exception cref="InvalidOperationException">Columns are missing.</exception>
    public void CompleteValidate()
    {
        if (_next < _columns.Length)
            throw new InvalidOperationException($"Not all columns were written. Missing: {string.Join(", ", _columns.Skip(_next).Select(c => c.Path))}");
    }

    /// <summary>Completes the row group's description in the footer.</summary>
    public void Dispose()
    {
        _group.NumRows = RowCount ?? 0;
        _group.TotalCompressedSize = _group.Columns.Sum(c => c.MetaData!.TotalCompressedSize);
        _group.TotalByteSize = _group.Columns.Sum(c => c.MetaData!.TotalUncompressedSize);
        GC.SuppressFinalize(this);
    }

    private async Task WriteAsync<T>(WritingColumn<T> column, Dictionary<string, string>? customMetadata, CancellationToken cancel) where T : struct
    {
        DataField field = column.Field;
        if (_next >= _columns.Length) throw new InvalidOperationException($"Cannot write column '{field.Path}': all {_columns.Length} columns have been written");
        if (!_columns[_next].Path.Equals(field.Path)) throw new ArgumentException($"cannot write this column, expected '{_columns[_next].Path}', passed: '{field.Path}'", nameof(column));
        column.Check();
        RowCount ??= column.Rows;
        if (column.Rows != RowCount) throw new InvalidOperationException($"Column '{field.Path}' has {column.Rows} rows, but the row group has {RowCount}");
        var writer = new ColumnWriter<T>(_stream, _elements[_next], _options, column);
        _next++;
        _group.Columns.Add(await writer.WriteAsync(customMetadata, cancel));
    }
}
