using Parquet.File;
using Parquet.Thrift;

namespace Parquet.Meta;

/// <summary>Reads the footer's structs. Field numbers are those of the format's parquet.thrift.</summary>
internal static class MetaReader
{
    public static FileMetaData File(ref ThriftReader r)
    {
        var meta = new FileMetaData();
        bool schema = false;
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: meta.Version = r.I32(type, id); break;
                case 2: schema = true; Elements(ref r, type, id, meta.Schema); break;
                case 3: meta.NumRows = r.I64(type, id); break;
                case 4: RowGroups(ref r, type, id, meta.RowGroups); break;
                case 5: meta.KeyValueMetadata = KeyValues(ref r, type, id); break;
                case 6: meta.CreatedBy = r.String(type, id); break;
                case 8: throw new ParquetException("the file is encrypted, which is not supported");
                default: r.Skip(type); break;
            }
        }
        r.End();
        return schema ? meta : throw r.Damaged("it has no schema");
    }

    private static void Elements(ref ThriftReader r, CompactType type, short id, List<SchemaElement> into)
    {
        int count = r.List(type, id, CompactType.Struct, Limits.SchemaElements);
        for (int i = 0; i < count; i++) into.Add(SchemaReader.Element(ref r));
    }

    private static void RowGroups(ref ThriftReader r, CompactType type, short id, List<RowGroup> into)
    {
        int count = r.List(type, id, CompactType.Struct, Limits.RowGroups);
        int chunks = 0;
        for (int i = 0; i < count; i++)
        {
            into.Add(Group(ref r));
            chunks += into[i].Columns.Count;
            if (chunks > Limits.Chunks) throw r.Damaged($"more than {Limits.Chunks} column chunks");
        }
    }

    private static RowGroup Group(ref ThriftReader r)
    {
        var group = new RowGroup();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1:
                    int count = r.List(type, id, CompactType.Struct, Limits.Columns);
                    for (int i = 0; i < count; i++) group.Columns.Add(Chunk(ref r));
                    break;
                case 2: group.TotalByteSize = r.I64(type, id); break;
                case 3: group.NumRows = r.I64(type, id); break;
                case 5: group.FileOffset = r.I64(type, id); break;
                case 6: group.TotalCompressedSize = r.I64(type, id); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return group;
    }

    private static ColumnChunk Chunk(ref ThriftReader r)
    {
        var chunk = new ColumnChunk();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: chunk.FilePath = r.String(type, id); break;
                case 2: chunk.FileOffset = r.I64(type, id); break;
                case 3: r.Expect(type, CompactType.Struct, id); chunk.MetaData = Column(ref r); break;
                case 8 or 9: chunk.IsEncrypted = true; r.Skip(type); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return chunk;
    }

    private static ColumnMetaData Column(ref ThriftReader r)
    {
        var column = new ColumnMetaData();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: column.Type = (Type)r.I32(type, id); break;
                case 2:
                    int encodings = r.List(type, id, CompactType.I32, Limits.Encodings);
                    for (int i = 0; i < encodings; i++) column.Encodings.Add((Encoding)r.I32Element());
                    break;
                case 3:
                    int parts = r.List(type, id, CompactType.Binary, Limits.SchemaDepth);
                    for (int i = 0; i < parts; i++) column.PathInSchema.Add(r.StringElement());
                    break;
                case 4: column.Codec = (CompressionCodec)r.I32(type, id); break;
                case 5: column.NumValues = r.I64(type, id); break;
                case 6: column.TotalUncompressedSize = r.I64(type, id); break;
                case 7: column.TotalCompressedSize = r.I64(type, id); break;
                case 8: column.KeyValueMetadata = KeyValues(ref r, type, id); break;
                case 9: column.DataPageOffset = r.I64(type, id); break;
                case 10: column.IndexPageOffset = r.I64(type, id); break;
                case 11: column.DictionaryPageOffset = r.I64(type, id); break;
                case 12: r.Expect(type, CompactType.Struct, id); column.Statistics = Statistics(ref r); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return column;
    }

    private static Statistics Statistics(ref ThriftReader r)
    {
        var stats = new Statistics();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: stats.Max = r.Binary(type, id); break;
                case 2: stats.Min = r.Binary(type, id); break;
                case 3: stats.NullCount = r.I64(type, id); break;
                case 4: stats.DistinctCount = r.I64(type, id); break;
                case 5: stats.MaxValue = r.Binary(type, id); break;
                case 6: stats.MinValue = r.Binary(type, id); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return stats;
    }

    private static List<KeyValue> KeyValues(ref ThriftReader r, CompactType type, short id)
    {
        int count = r.List(type, id, CompactType.Struct, Limits.KeyValues);
        var list = new List<KeyValue>();
        for (int i = 0; i < count; i++)
        {
            var pair = new KeyValue();
            short field = r.Begin();
            while (r.Next(ref field, out CompactType kind))
            {
                if (field == 1) pair.Key = r.String(kind, field);
                else if (field == 2) pair.Value = r.String(kind, field);
                else r.Skip(kind);
            }
            r.End();
            list.Add(pair);
        }
        return list;
    }
}
