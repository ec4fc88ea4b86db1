namespace Parquet.Meta;

/// <summary>The footer.</summary>
public class FileMetaData
{
    public int Version { get; set; }

    /// <summary>The schema tree, depth first; the first element is the root.</summary>
    public List<SchemaElement> Schema { get; set; } = [];

    public long NumRows { get; set; }

    public List<RowGroup> RowGroups { get; set; } = [];

    public List<KeyValue>? KeyValueMetadata { get; set; }

    public string? CreatedBy { get; set; }
}

public class KeyValue
{
    public string Key { get; set; } = string.Empty;

    public string? Value { get; set; }
}

public class RowGroup
{
    public List<ColumnChunk> Columns { get; set; } = [];

    /// <summary>Uncompressed bytes of all columns.</summary>
    public long TotalByteSize { get; set; }

    public long NumRows { get; set; }

    public long? FileOffset { get; set; }

    public long? TotalCompressedSize { get; set; }
}

public class ColumnChunk
{
    /// <summary>Set when the data lie in another file, which is not supported.</summary>
    public string? FilePath { get; set; }

    public long FileOffset { get; set; }

    public ColumnMetaData? MetaData { get; set; }

    internal bool IsEncrypted { get; set; }
}

public class ColumnMetaData
{
    public Type Type { get; set; }

    public List<Encoding> Encodings { get; set; } = [];

    public List<string> PathInSchema { get; set; } = [];

    public CompressionCodec Codec { get; set; }

    /// <summary>Values in this chunk, nulls (and the entries of empty lists) included.</summary>
    public long NumValues { get; set; }

    public long TotalUncompressedSize { get; set; }

    public long TotalCompressedSize { get; set; }

    public List<KeyValue>? KeyValueMetadata { get; set; }

    public long DataPageOffset { get; set; }

    public long? IndexPageOffset { get; set; }

    public long? DictionaryPageOffset { get; set; }

    public Statistics? Statistics { get; set; }
}

public class Statistics
{
    /// <summary>Deprecated form of <see cref="MaxValue"/>, compared as signed bytes by old writers.</summary>
    public byte[]? Max { get; set; }

    /// <summary>Deprecated form of <see cref="MinValue"/>.</summary>
    public byte[]? Min { get; set; }

    public long? NullCount { get; set; }

    public long? DistinctCount { get; set; }

    public byte[]? MaxValue { get; set; }

    public byte[]? MinValue { get; set; }
}
