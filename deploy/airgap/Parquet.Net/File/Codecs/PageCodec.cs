using System.IO.Compression;
using Parquet.Meta;

namespace Parquet.File.Codecs;

/// <summary>Inflates and deflates the bytes of pages.</summary>
internal static class PageCodec
{
    /// <summary>Fills <paramref name="into"/> exactly: a page that inflates to less or more than its header says is refused.</summary>
    public static void Inflate(CompressionCodec codec, byte[] stored, int offset, int length, Span<byte> into, string column)
    {
        if (into.IsEmpty) return;
        ReadOnlySpan<byte> bytes = stored.AsSpan(offset, length);
        bool whole;
        try
        {
            whole = codec switch
            {
                CompressionCodec.UNCOMPRESSED => TryCopy(bytes, into),
                CompressionCodec.SNAPPY => Snappy.TryInflate(bytes, into),
                CompressionCodec.GZIP => TryGzip(stored, offset, length, into),
                CompressionCodec.BROTLI => BrotliDecoder.TryDecompress(bytes, into, out int wrote) && wrote == into.Length,
                CompressionCodec.LZ4 => Lz4.TryInflateHadoop(bytes, into),
                CompressionCodec.ZSTD => Zstd.TryInflate(bytes, into),
                CompressionCodec.LZ4_RAW => Lz4.TryInflate(bytes, into),
                _ => throw new ParquetException($"column '{column}' is compressed with {codec}, which is not supported"),
            };
        }
        catch (InvalidDataException e)
        {
            throw new ParquetException(Damage(codec, column, into.Length), e);
        }
        catch (DllNotFoundException e)
        {
            throw new ParquetException($"column '{column}' needs libzstd.so.1; install the system package libzstd1", e);
        }
        if (!whole) throw new ParquetException(Damage(codec, column, into.Length));
    }

    public static ReadOnlyMemory<byte> Deflate(CompressionMethod method, CompressionLevel level, ReadOnlyMemory<byte> bytes) => method switch
    {
        CompressionMethod.None => bytes,
        CompressionMethod.Snappy => Snappy.Deflate(bytes.Span),
        CompressionMethod.Gzip => Gzip(bytes, level),
        CompressionMethod.Brotli => Brotli(bytes.Span, level),
        CompressionMethod.Zstd => ZstdDeflate(bytes.Span, level),
        CompressionMethod.Lz4Raw => Lz4.Deflate(bytes.Span),
        _ => throw new NotSupportedException($"compression {method} is not supported for writing"),
    };

    private static string Damage(CompressionCodec codec, string column, int length) =>
        $"column '{column}' is damaged: a {codec} page does not inflate to the {length} bytes that its header declares";

    private static bool TryCopy(ReadOnlySpan<byte> stored, Span<byte> into)
    {
        if (stored.Length < into.Length) return false;
        stored[..into.Length].CopyTo(into);
        return true;
    }

    private static bool TryGzip(byte[] stored, int offset, int length, Span<byte> into)
    {
        using var gzip = new GZipStream(new MemoryStream(stored, offset, length), CompressionMode.Decompress);
        return gzip.ReadAtLeast(into, into.Length, throwOnEndOfStream: false) == into.Length && gzip.ReadByte() < 0;
    }

    private static byte[] Gzip(ReadOnlyMemory<byte> bytes, CompressionLevel level)
    {
        var into = new MemoryStream();
        using (var gzip = new GZipStream(into, level, leaveOpen: true)) gzip.Write(bytes.Span);
        return into.ToArray();
    }

    private static byte[] Brotli(ReadOnlySpan<byte> bytes, CompressionLevel level)
    {
        byte[] into = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        int quality = level switch { CompressionLevel.Fastest or CompressionLevel.NoCompression => 1, CompressionLevel.SmallestSize => 11, _ => 4 };
        if (!BrotliEncoder.TryCompress(bytes, into, out int wrote, quality, window: 22)) throw new ParquetException("brotli could not compress a page");
        return into[..wrote];
    }

    private static byte[] ZstdDeflate(ReadOnlySpan<byte> bytes, CompressionLevel level)
    {
        try
        {
            return Zstd.Deflate(bytes, level switch { CompressionLevel.Optimal => 3, CompressionLevel.SmallestSize => 19, _ => 1 });
        }
        catch (DllNotFoundException e)
        {
            throw new ParquetException("writing zstd needs libzstd.so.1; install the system package libzstd1", e);
        }
    }
}
