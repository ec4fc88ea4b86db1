using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Parquet.File.Values;

/// <summary>Values of varying length: PLAIN is a 4-byte length before each.</summary>
internal abstract class ByteArrayCodec<T>(string column) : ValueCodec<T>(column)
{
    /// <summary>Longer smallest and largest values are left out of the statistics: the footer is no place for documents.</summary>
    private const int LongestStatistic = 64;

    public override void Decode(byte[] buffer, int offset, int length, Span<T> into)
    {
        Slice[] slices = ArrayPool<Slice>.Shared.Rent(into.Length);
        try
        {
            Split(buffer, offset, length, slices.AsSpan(0, into.Length));
            DecodeSlices(buffer, slices.AsSpan(0, into.Length), into);
        }
        finally
        {
            ArrayPool<Slice>.Shared.Return(slices);
        }
    }

    public override void Encode(ReadOnlySpan<T> values, ArrayBufferWriter<byte> into)
    {
        foreach (T value in values)
        {
            int most = MostBytes(value);
            Span<byte> span = into.GetSpan(4 + most);
            int wrote = Write(value, span[4..]);
            BinaryPrimitives.WriteInt32LittleEndian(span, wrote);
            into.Advance(4 + wrote);
        }
    }

    public override int SizeOf(T value) => 4 + MostBytes(value);

    public override (byte[] Min, byte[] Max)? MinMax(ReadOnlySpan<T> values)
    {
        if (values.IsEmpty) return null;
        byte[]? min = null, max = null;
        Span<byte> bytes = stackalloc byte[LongestStatistic * 4];
        foreach (T value in values)
        {
            if (MostBytes(value) > bytes.Length) return null;
            ReadOnlySpan<byte> one = bytes[..Write(value, bytes)];
            if (one.Length > LongestStatistic) return null;
            if (min is null || one.SequenceCompareTo(min) < 0) min = one.ToArray();
            if (max is null || one.SequenceCompareTo(max) > 0) max = one.ToArray();
        }
        return (min!, max!);
    }

    /// <summary>At least as many bytes as the value takes.</summary>
    protected abstract int MostBytes(T value);

    protected abstract int Write(T value, Span<byte> into);

    private void Split(byte[] buffer, int offset, int length, Span<Slice> slices)
    {
        int at = offset, end = offset + length;
        for (int i = 0; i < slices.Length; i++)
        {
            if (end - at < 4) throw new ParquetException($"column '{Column}' is damaged: a page ends before its values do");
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at));
            at += 4;
            if (size > (uint)(end - at)) throw new ParquetException($"column '{Column}' is damaged: a value of {size} bytes in a page with {end - at} left");
            slices[i] = new Slice(at, (int)size);
            at += (int)size;
        }
    }
}

/// <summary>UTF-8 text; all values of a page share one array of characters. Bytes that are not UTF-8 become U+FFFD.</summary>
internal sealed class TextCodec(string column) : ByteArrayCodec<ReadOnlyMemory<char>>(column)
{
    public override void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<ReadOnlyMemory<char>> into)
    {
        long bytes = 0;
        foreach (Slice slice in slices) bytes += slice.Length;
        // UTF-8 has at least as many bytes as UTF-16 has characters.
        char[] chars = GC.AllocateUninitializedArray<char>((int)bytes);
        int at = 0;
        for (int i = 0; i < slices.Length; i++)
        {
            int wrote = Encoding.UTF8.GetChars(buffer.AsSpan(slices[i].Offset, slices[i].Length), chars.AsSpan(at));
            into[i] = chars.AsMemory(at, wrote);
            at += wrote;
        }
    }

    /// <summary>Close enough for deciding where a page ends, without encoding twice.</summary>
    public override int SizeOf(ReadOnlyMemory<char> value) => 4 + value.Length;

    protected override int MostBytes(ReadOnlyMemory<char> value) => Encoding.UTF8.GetMaxByteCount(value.Length);

    protected override int Write(ReadOnlyMemory<char> value, Span<byte> into) => Encoding.UTF8.GetBytes(value.Span, into);
}

/// <summary>UTF-8 text as strings; the values of a dictionary are made once.</summary>
internal sealed class StringCodec(string column) : ByteArrayCodec<string>(column)
{
    public override void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<string> into)
    {
        for (int i = 0; i < slices.Length; i++) into[i] = Encoding.UTF8.GetString(buffer, slices[i].Offset, slices[i].Length);
    }

    protected override int MostBytes(string value) => Encoding.UTF8.GetMaxByteCount(value.Length);

    protected override int Write(string value, Span<byte> into) => Encoding.UTF8.GetBytes(value, into);
}

/// <summary>Bytes that point into the page.</summary>
internal sealed class BytesCodec(string column) : ByteArrayCodec<ReadOnlyMemory<byte>>(column)
{
    public override bool KeepsBuffer => true;

    public override void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<ReadOnlyMemory<byte>> into)
    {
        for (int i = 0; i < slices.Length; i++) into[i] = buffer.AsMemory(slices[i].Offset, slices[i].Length);
    }

    protected override int MostBytes(ReadOnlyMemory<byte> value) => value.Length;

    protected override int Write(ReadOnlyMemory<byte> value, Span<byte> into)
    {
        value.Span.CopyTo(into);
        return value.Length;
    }
}

/// <summary>Decimals as big-endian two's complement of any length.</summary>
internal sealed class DecimalBytesCodec(string column, int scale) : ByteArrayCodec<decimal>(column)
{
    public override void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<decimal> into)
    {
        for (int i = 0; i < slices.Length; i++)
            into[i] = Decimals.Read(buffer.AsSpan(slices[i].Offset, slices[i].Length), scale, Column);
    }

    protected override int MostBytes(decimal value) => 16;

    protected override int Write(decimal value, Span<byte> into)
    {
        Decimals.Write(value, scale, into[..16], Column);
        return 16;
    }
}
