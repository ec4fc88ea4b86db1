using System.Buffers;

namespace Parquet.File.Values;

internal delegate T ReadFixed<out T>(ReadOnlySpan<byte> bytes);

internal delegate void WriteFixed<in T>(T value, Span<byte> into);

/// <summary>Values of a fixed number of bytes that are not numbers in memory: UUIDs, INT96 timestamps, long decimals.</summary>
internal sealed class FixedCodec<T>(string column, int width, ReadFixed<T> read, WriteFixed<T> write) : ValueCodec<T>(column)
{
    public override void Decode(byte[] buffer, int offset, int length, Span<T> into)
    {
        Need((long)into.Length * width, length);
        for (int i = 0; i < into.Length; i++) into[i] = read(buffer.AsSpan(offset + i * width, width));
    }

    /// <summary>DELTA_BYTE_ARRAY may hold fixed lengths too.</summary>
    public override void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<T> into)
    {
        for (int i = 0; i < slices.Length; i++)
        {
            if (slices[i].Length != width) throw new ParquetException($"column '{Column}' is damaged: a value of {slices[i].Length} bytes where {width} belong");
            into[i] = read(buffer.AsSpan(slices[i].Offset, width));
        }
    }

    public override void Encode(ReadOnlySpan<T> values, ArrayBufferWriter<byte> into)
    {
        int bytes = values.Length * width;
        Span<byte> span = into.GetSpan(Math.Max(1, bytes))[..bytes];
        for (int i = 0; i < values.Length; i++) write(values[i], span.Slice(i * width, width));
        into.Advance(bytes);
    }

    public override int SizeOf(T value) => width;
}

/// <summary>Byte arrays of one length, pointing into the page.</summary>
internal sealed class FixedBytesCodec(string column, int width) : ValueCodec<ReadOnlyMemory<byte>>(column)
{
    public override bool KeepsBuffer => true;

    public override void Decode(byte[] buffer, int offset, int length, Span<ReadOnlyMemory<byte>> into)
    {
        Need((long)into.Length * width, length);
        for (int i = 0; i < into.Length; i++) into[i] = buffer.AsMemory(offset + i * width, width);
    }

    public override void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<ReadOnlyMemory<byte>> into)
    {
        for (int i = 0; i < slices.Length; i++)
        {
            if (slices[i].Length != width) throw new ParquetException($"column '{Column}' is damaged: a value of {slices[i].Length} bytes where {width} belong");
            into[i] = buffer.AsMemory(slices[i].Offset, width);
        }
    }

    public override void Encode(ReadOnlySpan<ReadOnlyMemory<byte>> values, ArrayBufferWriter<byte> into)
    {
        foreach (ReadOnlyMemory<byte> value in values)
        {
            if (value.Length != width) throw new ArgumentException($"column '{Column}' takes values of {width} bytes, not {value.Length}");
            into.Write(value.Span);
        }
    }

    public override int SizeOf(ReadOnlyMemory<byte> value) => width;
}
