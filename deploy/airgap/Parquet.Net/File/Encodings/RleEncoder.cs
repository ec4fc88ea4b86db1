using System.Buffers;

namespace Parquet.File.Encodings;

/// <summary>Writes runs of 8 or more equal values as runs and everything else bit-packed in groups of 8.</summary>
internal static class RleEncoder
{
    public static void Write(ReadOnlySpan<int> values, int width, ArrayBufferWriter<byte> into)
    {
        int start = 0;
        for (int i = 0; i < values.Length;)
        {
            int run = RunLength(values, i);
            bool aligned = (i - start) % 8 == 0;
            if (run >= 8 && aligned)
            {
                Packed(values[start..i], width, into);
                Run(values[i], run, width, into);
                i += run;
                start = i;
            }
            else
            {
                // A group that has begun is filled up first: only the last group of all may be padded.
                i += Math.Min(values.Length - i, run >= 8 ? 8 - (i - start) % 8 : run);
            }
        }
        Packed(values[start..], width, into);
    }

    private static int RunLength(ReadOnlySpan<int> values, int from)
    {
        int differs = values[from..].IndexOfAnyExcept(values[from]);
        return differs < 0 ? values.Length - from : differs;
    }

    private static void Run(int value, int count, int width, ArrayBufferWriter<byte> into)
    {
        Varint((uint)count << 1, into);
        int bytes = (width + 7) / 8;
        Span<byte> span = into.GetSpan(4);
        for (int i = 0; i < bytes; i++) span[i] = (byte)(value >> (8 * i));
        into.Advance(bytes);
    }

    private static void Packed(ReadOnlySpan<int> values, int width, ArrayBufferWriter<byte> into)
    {
        if (values.IsEmpty) return;
        int groups = (values.Length + 7) / 8;
        Varint((uint)groups << 1 | 1, into);
        int bytes = groups * width;
        Span<byte> span = into.GetSpan(Math.Max(bytes, 1))[..bytes];
        span.Clear();
        ulong word = 0;
        int bits = 0, at = 0;
        foreach (int value in values)
        {
            word |= (ulong)(uint)value << bits;
            for (bits += width; bits >= 8; bits -= 8, word >>= 8) span[at++] = (byte)word;
        }
        if (bits > 0) span[at] = (byte)word;
        into.Advance(bytes);
    }

    private static void Varint(uint value, ArrayBufferWriter<byte> into)
    {
        Span<byte> span = into.GetSpan(5);
        int at = 0;
        for (; value >= 0x80; value >>= 7) span[at++] = (byte)(value | 0x80);
        span[at++] = (byte)value;
        into.Advance(at);
    }
}
