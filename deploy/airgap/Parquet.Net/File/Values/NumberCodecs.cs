using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Parquet.File.Values;

/// <summary>Numbers that are stored as they lie in memory (little-endian).</summary>
internal sealed class NumberCodec<T>(string column) : ValueCodec<T>(column) where T : unmanaged, INumber<T>
{
    public override void Decode(byte[] buffer, int offset, int length, Span<T> into)
    {
        long bytes = (long)into.Length * Unsafe.SizeOf<T>();
        Need(bytes, length);
        buffer.AsSpan(offset, (int)bytes).CopyTo(MemoryMarshal.AsBytes(into));
    }

    public override void Encode(ReadOnlySpan<T> values, ArrayBufferWriter<byte> into) => into.Write(MemoryMarshal.AsBytes(values));

    public override int SizeOf(T value) => Unsafe.SizeOf<T>();

    public override (byte[] Min, byte[] Max)? MinMax(ReadOnlySpan<T> values)
    {
        if (values.IsEmpty) return null;
        T min = values[0], max = values[0];
        foreach (T value in values)
        {
            if (T.IsNaN(value)) return null;
            if (value < min) min = value;
            if (value > max) max = value;
        }
        // The format wants -0 as the smallest and +0 as the largest zero, since either may have been met first.
        if (T.IsZero(min)) min = -T.Abs(min);
        if (T.IsZero(max)) max = T.Abs(max);
        return (Bytes(min), Bytes(max));
    }

    private static byte[] Bytes(T value) => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}

/// <summary>Values that are stored as another number: small integers, dates, timestamps, decimals.</summary>
internal sealed class MappedCodec<TStored, T>(string column, Func<TStored, T> read, Func<T, TStored> write) : ValueCodec<T>(column)
    where TStored : unmanaged, INumber<TStored>
{
    public override void Decode(byte[] buffer, int offset, int length, Span<T> into)
    {
        long bytes = (long)into.Length * Unsafe.SizeOf<TStored>();
        Need(bytes, length);
        ReadOnlySpan<TStored> stored = MemoryMarshal.Cast<byte, TStored>(buffer.AsSpan(offset, (int)bytes));
        try
        {
            for (int i = 0; i < into.Length; i++) into[i] = read(stored[i]);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            throw new ParquetException($"column '{Column}' holds a value outside the range of {typeof(T).Name}", e);
        }
    }

    public override void Encode(ReadOnlySpan<T> values, ArrayBufferWriter<byte> into)
    {
        int width = Unsafe.SizeOf<TStored>();
        Span<byte> span = into.GetSpan(Math.Max(1, values.Length * width));
        for (int i = 0; i < values.Length; i++)
        {
            TStored stored = write(values[i]);
            MemoryMarshal.Write(span[(i * width)..], in stored);
        }
        into.Advance(values.Length * width);
    }

    public override int SizeOf(T value) => Unsafe.SizeOf<TStored>();

    public override (byte[] Min, byte[] Max)? MinMax(ReadOnlySpan<T> values)
    {
        if (values.IsEmpty) return null;
        var stored = new TStored[values.Length];
        for (int i = 0; i < values.Length; i++) stored[i] = write(values[i]);
        return new NumberCodec<TStored>(Column).MinMax(stored);
    }
}

/// <summary>Booleans, one bit each, lowest first.</summary>
internal sealed class BoolCodec(string column) : ValueCodec<bool>(column)
{
    public override void Decode(byte[] buffer, int offset, int length, Span<bool> into)
    {
        Need((into.Length + 7L) / 8, length);
        for (int i = 0; i < into.Length; i++) into[i] = (buffer[offset + (i >> 3)] >> (i & 7) & 1) != 0;
    }

    public override void Encode(ReadOnlySpan<bool> values, ArrayBufferWriter<byte> into)
    {
        int bytes = (values.Length + 7) / 8;
        Span<byte> span = into.GetSpan(Math.Max(1, bytes))[..bytes];
        span.Clear();
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i]) span[i >> 3] |= (byte)(1 << (i & 7));
        }
        into.Advance(bytes);
    }

    public override int SizeOf(bool value) => 1;
}
