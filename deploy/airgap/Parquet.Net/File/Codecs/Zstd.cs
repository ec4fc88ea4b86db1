using System.Runtime.InteropServices;

namespace Parquet.File.Codecs;

/// <summary>The system's libzstd. One call into a buffer of known size, so a frame cannot inflate beyond it.</summary>
internal static partial class Zstd
{
    public static unsafe bool TryInflate(ReadOnlySpan<byte> stored, Span<byte> into)
    {
        fixed (byte* from = stored, to = into)
        {
            nuint wrote = Decompress(to, (nuint)into.Length, from, (nuint)stored.Length);
            return IsError(wrote) == 0 && wrote == (nuint)into.Length;
        }
    }

    public static unsafe byte[] Deflate(ReadOnlySpan<byte> bytes, int level)
    {
        byte[] into = new byte[(int)Bound((nuint)bytes.Length)];
        nuint wrote;
        fixed (byte* from = bytes, to = into) wrote = Compress(to, (nuint)into.Length, from, (nuint)bytes.Length, level);
        if (IsError(wrote) != 0) throw new ParquetException("zstd could not compress a page");
        return into[..(int)wrote];
    }

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_decompress")]
    private static unsafe partial nuint Decompress(byte* to, nuint capacity, byte* from, nuint size);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_compress")]
    private static unsafe partial nuint Compress(byte* to, nuint capacity, byte* from, nuint size, int level);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_compressBound")]
    private static partial nuint Bound(nuint size);

    [LibraryImport("libzstd.so.1", EntryPoint = "ZSTD_isError")]
    private static partial uint IsError(nuint code);
}
