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
    /// Values of one column in one row group. Run lengths make a constant column of millions of values a few bytes long, but its
    /// reader needs room for every value: so many are allowed to any chunk, <see cref="Ratio"/> per stored byte to larger ones,
    /// and never more than the last number.
    /// </summary>
    public const long ValuesAllowance = 2 << 20;
    public const long Values = 128 << 20;

    public static long MaxValues(long storedBytes) => Math.Min(Values, Math.Max(ValuesAllowance, storedBytes * Ratio));

    /// <summary>Refuses a page that claims to inflate to more than is accepted of its stored size.</summary>
    public static void CheckInflation(string column, long stored, long inflated)
    {
        if (inflated > PageBytes)
            throw new ParquetException($"column '{column}' has a page of {inflated} bytes; at most {PageBytes} are accepted (write smaller pages or row groups)");
        if (inflated > PageAllowance && inflated > stored * Ratio)
            throw new ParquetException($"column '{column}' has a page that inflates {stored} bytes to {inflated}, more than {Ratio} times");
    }
}
