using System.Buffers;

namespace Parquet.File.Encodings;

/// <summary>DELTA_BINARY_PACKED, writing: blocks of 128 in four parts.</summary>
internal static class DeltaEncoder
{
    private const int Block = 128, Parts = 4, PerPart = Block / Parts;

    /// <summary>int or long values.</summary>
    public static void Write<T>(ReadOnlySpan<T> values, ArrayBufferWriter<byte> into) where T : struct
    {
        long[] numbers = new long[values.Length];
        for (int i = 0; i < values.Length; i++) numbers[i] = values[i] is int small ? small : (long)(object)values[i];
        Varint(Block, into);
        Varint(Parts, into);
        Varint((ulong)numbers.Length, into);
        ZigZag(numbers.Length > 0 ? numbers[0] : 0, into);
        bool narrow = typeof(T) == typeof(int);
        for (int start = 1; start < numbers.Length; start += Block)
            WriteBlock(numbers, start, Math.Min(Block, numbers.Length - start), narrow, into);
    }

    private static void WriteBlock(long[] numbers, int start, int count, bool narrow, ArrayBufferWriter<byte> into)
    {
        Span<long> deltas = stackalloc long[Block];
        long least = long.MaxValue;
        for (int i = 0; i < count; i++)
        {
            long delta = unchecked(numbers[start + i] - numbers[start + i - 1]);
            deltas[i] = narrow ? unchecked((int)delta) : delta;
            least = Math.Min(least, deltas[i]);
        }
        ZigZag(least, into);
        Span<byte> widths = stackalloc byte[Parts];
        for (int part = 0; part < Parts; part++)
        {
            ulong all = 0;
            for (int i = part * PerPart; i < Math.Min(count, (part + 1) * PerPart); i++) all |= Above(deltas[i], least, narrow);
            widths[part] = (byte)(64 - ulong.LeadingZeroCount(all));
        }
        into.Write(widths);
        for (int part = 0; part * PerPart < count; part++) Pack(deltas, part, count, least, widths[part], narrow, into);
    }

    private static ulong Above(long delta, long least, bool narrow)
    {
        ulong above = unchecked((ulong)(delta - least));
        return narrow ? above & uint.MaxValue : above;
    }

    private static void Pack(ReadOnlySpan<long> deltas, int part, int count, long least, int width, bool narrow, ArrayBufferWriter<byte> into)
    {
        int bytes = PerPart * width / 8;
        Span<byte> span = into.GetSpan(Math.Max(1, bytes))[..bytes];
        span.Clear();
        for (int i = part * PerPart, bit = 0; i < Math.Min(count, (part + 1) * PerPart); i++)
        {
            ulong value = Above(deltas[i], least, narrow);
            for (int b = 0; b < width; b++, bit++) span[bit >> 3] |= (byte)((value >> b & 1) << (bit & 7));
        }
        into.Advance(bytes);
    }

    private static void ZigZag(long value, ArrayBufferWriter<byte> into) => Varint((ulong)((value << 1) ^ (value >> 63)), into);

    private static void Varint(ulong value, ArrayBufferWriter<byte> into)
    {
        Span<byte> span = into.GetSpan(10);
        int at = 0;
        for (; value >= 0x80; value >>= 7) span[at++] = (byte)(value | 0x80);
        span[at++] = (byte)value;
        into.Advance(at);
    }
}
