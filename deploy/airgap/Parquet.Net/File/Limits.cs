using Parquet.Meta;

namespace Parquet.File;

/// <summary>
/// What a file may ask of the reader. Numbers that only a footer claims are compared with these, and with the bytes that are
/// really there, before any memory is taken.
/// </summary>
internal static class Limits
{
    public const int FooterBytes = 16 << 20;
    public const int SchemaElements = 8192;
    public const int SchemaDepth = 64;
    public const int Columns = 1000;
    public const int RowGroups = 100_000;
    public const int Chunks = 1 << 18;
    public const int Encodings = 64;
    public const int KeyValues = 10_000;
    public const int PageHeaderBytes = 16 << 20;

    /// <summary>Largest page, inflated. DuckDB ends its pages at 100,000,000 bytes, so less would refuse honest files of long texts.</summary>
    public const int PageBytes = 128 << 20;

    /// <summary>Inflated bytes of one column in one row group, and of the row group as its footer declares it.</summary>
    public const long ChunkBytes = 1L << 30;

    /// <summary>Inflated : stored bytes. Constant columns legitimately pass it, so it counts only beyond the two allowances below.</summary>
    public const int Ratio = 1000;

    public const int PageAllowance = 4 << 20;
    public const long ChunkAllowance = 256L << 20;

    /// <summary>
    /// Entries of one column in one row group: <see cref="ChunkBytes"/> of 8-byte numbers. There is no limit per stored byte: the
    /// attention masks of long sequences really are thousands of entries per byte.
    /// </summary>
    public const int Values = 128 << 20;

    /// <summary>Refuses a page that claims to inflate to more than its codec can, or than is accepted of its stored size.</summary>
    public static void CheckInflation(string column, CompressionCodec codec, long stored, long inflated)
    {
        if (inflated > PageBytes)
            throw new ParquetException($"column '{column}' has a page of {inflated} bytes; at most {PageBytes} are accepted (write smaller pages or row groups)");
        if (inflated > stored * MostOf(codec) + SmallPage || (inflated > PageAllowance && inflated > stored * Ratio))
            throw new ParquetException($"column '{column}' has a {codec} page that claims to inflate {stored} bytes to {inflated}");
    }

    /// <summary>What the codec's format allows at most: a snappy copy makes 64 bytes of 3, an LZ4 length byte 255.</summary>
    private static long MostOf(CompressionCodec codec) => codec switch
    {
        CompressionCodec.UNCOMPRESSED => 1,
        CompressionCodec.SNAPPY => 22,
        CompressionCodec.LZ4 or CompressionCodec.LZ4_RAW => 256,
        _ => int.MaxValue,
    };

    private const int SmallPage = 64;
}
