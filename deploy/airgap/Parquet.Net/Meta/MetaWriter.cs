using Parquet.Thrift;

namespace Parquet.Meta;

/// <summary>Writes the footer and page headers. Field numbers are those of the format's parquet.thrift.</summary>
internal static class MetaWriter
{
    public static void Write(ThriftWriter w, FileMetaData meta, int columns)
    {
        w.Begin();
        w.I32(1, meta.Version);
        w.List(2, CompactType.Struct, meta.Schema.Count);
        foreach (SchemaElement element in meta.Schema) SchemaWriter.Write(w, element);
        w.I64(3, meta.NumRows);
        w.List(4, CompactType.Struct, meta.RowGroups.Count);
        foreach (RowGroup group in meta.RowGroups) Write(w, group);
        Write(w, 5, meta.KeyValueMetadata);
        w.String(6, meta.CreatedBy);
        WriteColumnOrders(w, columns);
        w.End();
    }

    public static void Write(ThriftWriter w, PageHeader header)
    {
        w.Begin();
        w.I32(1, (int)header.Type);
        w.I32(2, header.UncompressedPageSize);
        w.I32(3, header.CompressedPageSize);
        w.I32(4, header.Crc);
        if (header.DataPageHeader is { } data)
        {
            w.BeginField(5);
            w.I32(1, data.NumValues);
            w.I32(2, (int)data.Encoding);
            w.I32(3, (int)data.DefinitionLevelEncoding);
            w.I32(4, (int)data.RepetitionLevelEncoding);
            w.End();
        }
        if (header.DictionaryPageHeader is { } dictionary)
        {
            w.BeginField(7);
            w.I32(1, dictionary.NumValues);
            w.I32(2, (int)dictionary.Encoding);
            w.End();
        }
        w.End();
    }

    /// <summary>min_value and max_value mean something only to readers that are told the order.</summary>
    private static void WriteColumnOrders(ThriftWriter w, int columns)
    {
        w.List(7, CompactType.Struct, columns);
        for (int i = 0; i < columns; i++)
        {
            w.Begin();
            w.Empty(1);
            w.End();
        }
    }

    private static void Write(ThriftWriter w, RowGroup group)
    {
        w.Begin();
        w.List(1, CompactType.Struct, group.Columns.Count);
        foreach (ColumnChunk chunk in group.Columns)
        {
            w.Begin();
            w.String(1, chunk.FilePath);
            w.I64(2, chunk.FileOffset);
            if (chunk.MetaData is { } column) Write(w, column);
            w.End();
        }
        w.I64(2, group.TotalByteSize);
        w.I64(3, group.NumRows);
        w.I64(5, group.FileOffset);
        w.I64(6, group.TotalCompressedSize);
        w.End();
    }

    private static void Write(ThriftWriter w, ColumnMetaData column)
    {
        w.BeginField(3);
        w.I32(1, (int)column.Type);
        w.List(2, CompactType.I32, column.Encodings.Count);
        foreach (Encoding encoding in column.Encodings) w.I32Element((int)encoding);
        w.List(3, CompactType.Binary, column.PathInSchema.Count);
        foreach (string part in column.PathInSchema) w.StringElement(part);
        w.I32(4, (int)column.Codec);
        w.I64(5, column.NumValues);
        w.I64(6, column.TotalUncompressedSize);
        w.I64(7, column.TotalCompressedSize);
        Write(w, 8, column.KeyValueMetadata);
        w.I64(9, column.DataPageOffset);
        w.I64(10, column.IndexPageOffset);
        w.I64(11, column.DictionaryPageOffset);
        if (column.Statistics is { } stats)
        {
            w.BeginField(12);
            w.Binary(1, stats.Max);
            w.Binary(2, stats.Min);
            w.I64(3, stats.NullCount);
            w.I64(4, stats.DistinctCount);
            w.Binary(5, stats.MaxValue);
            w.Binary(6, stats.MinValue);
            w.End();
        }
        w.End();
    }

    private static void Write(ThriftWriter w, short id, List<KeyValue>? pairs)
    {
        if (pairs is not { Count: > 0 }) return;
        w.List(id, CompactType.Struct, pairs.Count);
        foreach (KeyValue pair in pairs)
        {
            w.Begin();
            w.String(1, pair.Key);
            w.String(2, pair.Value);
            w.End();
        }
    }
}
