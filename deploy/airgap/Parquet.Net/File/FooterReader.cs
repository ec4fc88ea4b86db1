using System.Buffers.Binary;
using Parquet.Meta;
using Parquet.Thrift;

namespace Parquet.File;

/// <summary>The footer, and where it begins.</summary>
internal sealed record Footer(FileMetaData Meta, long Start);

/// <summary>Reads a file's magic, footer length and footer.</summary>
internal static class FooterReader
{
    private const int Smallest = 12;

    public static async ValueTask<Footer> ReadAsync(Stream stream, CancellationToken cancel)
    {
        long length = stream.Length;
        if (length < Smallest) throw new ParquetException($"not a Parquet file: it has only {length} bytes");
        byte[] head = await BytesAsync(stream, 0, 4, cancel);
        byte[] tail = await BytesAsync(stream, length - 8, 8, cancel);
        if (tail.AsSpan(4).SequenceEqual("PARE"u8)) throw new ParquetException("the file is encrypted, which is not supported");
        if (!head.AsSpan().SequenceEqual("PAR1"u8) || !tail.AsSpan(4).SequenceEqual("PAR1"u8))
            throw new ParquetException("not a Parquet file: it does not begin and end with PAR1");
        uint footer = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (footer > length - Smallest) throw new ParquetException($"the footer claims {footer} bytes in a file of {length}");
        if (footer > Limits.FooterBytes) throw new ParquetException($"the footer has {footer} bytes; at most {Limits.FooterBytes} are accepted");
        long start = length - 8 - footer;
        byte[] bytes = await BytesAsync(stream, start, (int)footer, cancel);
        FileMetaData meta = Parse(bytes);
        Check(meta);
        return new Footer(meta, start);
    }

    private static FileMetaData Parse(byte[] bytes)
    {
        var thrift = new ThriftReader(bytes, "footer");
        return MetaReader.File(ref thrift);
    }

    private static async ValueTask<byte[]> BytesAsync(Stream stream, long at, int count, CancellationToken cancel)
    {
        byte[] bytes = new byte[count];
        stream.Position = at;
        int read = await stream.ReadAtLeastAsync(bytes, count, throwOnEndOfStream: false, cancel);
        return read == count ? bytes : throw new ParquetException("the file ends while its footer is read");
    }

    private static void Check(FileMetaData meta)
    {
        long rows = 0;
        foreach (RowGroup group in meta.RowGroups)
        {
            if (group.NumRows < 0) throw new ParquetException($"a row group claims {group.NumRows} rows");
            if (group.TotalByteSize > Limits.ChunkBytes)
                throw new ParquetException($"a row group of {group.TotalByteSize} bytes; at most {Limits.ChunkBytes} are accepted (write smaller row groups)");
            rows += group.NumRows;
            if (rows < 0) throw new ParquetException("the row groups claim more rows than can be counted");
        }
    }
}
