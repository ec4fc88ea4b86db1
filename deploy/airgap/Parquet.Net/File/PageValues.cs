using System.Buffers;
using System.Runtime.InteropServices;
using Parquet.File.Encodings;
using Parquet.File.Values;
using Parquet.Meta;
using ParquetType = Parquet.Meta.Type;

namespace Parquet.File;

/// <summary>The values of one data page in any encoding.</summary>
internal readonly ref struct PageValues<T>(ValueCodec<T> codec, T[]? dictionary, SchemaElement element, string column)
{
    /// <summary>Indexes or booleans that are decoded at a time; a multiple of 8.</summary>
    private const int Step = 1 << 12;

    /// <summary>Room is made for values only as far as the page's bytes can hold them.</summary>
    public void Decode(Meta.Encoding encoding, byte[] buffer, int offset, int length, ColumnTarget<T> target, int count)
    {
        ReadOnlySpan<byte> data = buffer.AsSpan(offset, length);
        switch (encoding)
        {
            case Meta.Encoding.PLAIN or Meta.Encoding.BYTE_STREAM_SPLIT:
                if (count > length * 8L) throw Damaged($"{count} values in a page of {length} bytes");
                if (encoding == Meta.Encoding.PLAIN) codec.Decode(buffer, offset, length, target.NextValues(0, count));
                else Split(data, target.NextValues(0, count));
                break;
            case Meta.Encoding.PLAIN_DICTIONARY or Meta.Encoding.RLE_DICTIONARY:
                FromDictionary(data, target, count);
                break;
            case Meta.Encoding.RLE:
                Booleans(data, target, count);
                break;
            case Meta.Encoding.DELTA_BINARY_PACKED:
                DeltaDecoder.CheckCount(data, count, column);
                Deltas(data, target.NextValues(0, count));
                break;
            case Meta.Encoding.DELTA_LENGTH_BYTE_ARRAY or Meta.Encoding.DELTA_BYTE_ARRAY:
                DeltaDecoder.CheckCount(data, count, column);
                DeltaBytes(encoding, buffer, offset, length, target.NextValues(0, count));
                break;
            default: throw new ParquetException($"column '{column}' has values in encoding {encoding}, which is not supported");
        }
    }

    private void FromDictionary(ReadOnlySpan<byte> data, ColumnTarget<T> target, int count)
    {
        if (dictionary is null) throw Damaged("indexes without a dictionary");
        if (data.IsEmpty) throw Damaged("a page that ends before its values do");
        var indexes = new RleDecoder(data[1..], data[0], column);
        Span<int> some = new int[Math.Min(Step, count)];
        for (int done = 0; done < count; done += Step)
        {
            Span<int> now = some[..Math.Min(Step, count - done)];
            indexes.Read(now);
            Span<T> into = target.NextValues(done, now.Length);
            for (int i = 0; i < now.Length; i++)
            {
                if ((uint)now[i] >= (uint)dictionary.Length) throw Damaged($"index {now[i]} into a dictionary of {dictionary.Length}");
                into[i] = dictionary[now[i]];
            }
        }
    }

    /// <summary>Runs are for booleans only, behind a 4-byte length.</summary>
    private void Booleans(ReadOnlySpan<byte> data, ColumnTarget<T> target, int count)
    {
        if (typeof(T) != typeof(bool) || data.Length < 4) throw Damaged("run lengths where none belong");
        int length = BitConverter.ToInt32(data);
        if (length < 0 || length > data.Length - 4) throw Damaged($"runs of {length} bytes in a page with {data.Length - 4}");
        var runs = new RleDecoder(data.Slice(4, length), 1, column);
        Span<int> bits = new int[Math.Min(Step, count)];
        byte[] packed = new byte[Step / 8];
        for (int done = 0; done < count; done += Step)
        {
            Span<int> now = bits[..Math.Min(Step, count - done)];
            runs.Read(now);
            Array.Clear(packed);
            for (int i = 0; i < now.Length; i++) packed[i >> 3] |= (byte)((now[i] & 1) << (i & 7));
            codec.Decode(packed, 0, packed.Length, target.NextValues(done, now.Length));
        }
    }

    private void Deltas(ReadOnlySpan<byte> data, Span<T> into)
    {
        if (element.Type is not (ParquetType.INT32 or ParquetType.INT64)) throw Damaged($"integer deltas in a column of {element.Type}");
        long[] numbers = new long[into.Length];
        DeltaDecoder.Integers(data, numbers, column);
        byte[] plain = element.Type == ParquetType.INT64 ? MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray() : new byte[into.Length * 4];
        if (element.Type == ParquetType.INT32)
        {
            Span<int> narrow = MemoryMarshal.Cast<byte, int>(plain.AsSpan());
            for (int i = 0; i < narrow.Length; i++) narrow[i] = unchecked((int)numbers[i]); // deltas wrap around at 32 bits
        }
        codec.Decode(plain, 0, plain.Length, into);
    }

    private void DeltaBytes(Meta.Encoding encoding, byte[] buffer, int offset, int length, Span<T> into)
    {
        if (element.Type is not (ParquetType.BYTE_ARRAY or ParquetType.FIXED_LEN_BYTE_ARRAY)) throw Damaged($"byte array deltas in a column of {element.Type}");
        Slice[] slices = ArrayPool<Slice>.Shared.Rent(into.Length);
        try
        {
            Span<Slice> used = slices.AsSpan(0, into.Length);
            byte[] from = buffer;
            if (encoding == Meta.Encoding.DELTA_BYTE_ARRAY) from = DeltaDecoder.Prefixed(buffer, offset, length, used, column);
            else DeltaDecoder.Lengths(buffer, offset, length, used, column);
            codec.DecodeSlices(from, used, into);
        }
        finally
        {
            ArrayPool<Slice>.Shared.Return(slices);
        }
    }

    /// <summary>First bytes of all values, then second bytes, and so on.</summary>
    private void Split(ReadOnlySpan<byte> data, Span<T> into)
    {
        int width = element.Type switch
        {
            ParquetType.INT32 or ParquetType.FLOAT => 4,
            ParquetType.INT64 or ParquetType.DOUBLE => 8,
            ParquetType.FIXED_LEN_BYTE_ARRAY => element.TypeLength ?? 0,
            _ => throw Damaged($"split bytes in a column of {element.Type}"),
        };
        long bytes = (long)into.Length * width;
        if (bytes > data.Length) throw Damaged("a page that ends before its values do");
        byte[] plain = new byte[(int)bytes];
        for (int b = 0; b < width; b++)
        {
            ReadOnlySpan<byte> stream = data.Slice(b * into.Length, into.Length);
            for (int i = 0; i < stream.Length; i++) plain[i * width + b] = stream[i];
        }
        codec.Decode(plain, 0, plain.Length, into);
    }

    private ParquetException Damaged(string why) => new($"column '{column}' is damaged: {why}");
}
