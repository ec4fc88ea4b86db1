using System.Buffers.Binary;
using Parquet.File.Values;

namespace Parquet.File.Encodings;

/// <summary>DELTA_BINARY_PACKED, and the two byte-array encodings built on it.</summary>
internal static class DeltaDecoder
{
    /// <summary>Writers use 128 to 2048 values to a block.</summary>
    private const int MaxBlock = 1 << 15;

    /// <summary>Refuses a header that disagrees with the page, or claims more blocks than the bytes can hold, before room is made.</summary>
    public static void CheckCount(ReadOnlySpan<byte> data, int count, string column)
    {
        var r = new BitBytes(data, column);
        (long block, _, long total) = Header(ref r);
        if (total != count) throw r.Damaged($"a delta page of {total} values where {count} belong");
        if (count - 1 > data.Length / 2L * block) throw r.Damaged($"{count} deltas in {data.Length} bytes");
    }

    /// <summary>Decodes exactly <paramref name="into"/>.Length integers and returns the bytes they took.</summary>
    public static int Integers(ReadOnlySpan<byte> data, Span<long> into, string column)
    {
        var r = new BitBytes(data, column);
        (long block, long minis, long total) = Header(ref r);
        long value = r.ZigZag();
        if (total != into.Length) throw r.Damaged($"a delta page of {total} values where {into.Length} belong");
        if (into.IsEmpty) return r.Position;
        into[0] = value;
        int done = 1, perMini = (int)(block / minis);
        while (done < into.Length)
        {
            long least = r.ZigZag();
            ReadOnlySpan<byte> widths = r.Take((int)minis);
            for (int mini = 0; mini < minis && done < into.Length; mini++)
            {
                int width = widths[mini];
                if (width > 64) throw r.Damaged($"deltas of {width} bits");
                int count = Math.Min(perMini, into.Length - done);
                ReadOnlySpan<byte> packed = r.TakeUpTo((int)((long)perMini * width / 8));
                if ((long)count * width > packed.Length * 8L) throw r.Damaged("its deltas end before its values do");
                for (int i = 0; i < count; i++)
                {
                    value = unchecked(value + least + (long)Bits(packed, (long)i * width, width));
                    into[done++] = value;
                }
            }
        }
        return r.Position;
    }

    private static (long Block, long Minis, long Total) Header(ref BitBytes r)
    {
        long block = r.Number(), minis = r.Number(), total = r.Number();
        if (block is < 8 or > MaxBlock || minis < 1 || minis > block || block % minis != 0 || block / minis % 8 != 0)
            throw r.Damaged($"delta blocks of {block} values in {minis} parts");
        return (block, minis, total);
    }

    /// <summary>Lengths first, then all bytes.</summary>
    public static void Lengths(byte[] buffer, int offset, int length, Span<Slice> into, string column)
    {
        var lengths = new long[into.Length];
        int at = offset + Integers(buffer.AsSpan(offset, length), lengths, column);
        int end = offset + length;
        for (int i = 0; i < into.Length; i++)
        {
            if (lengths[i] < 0 || lengths[i] > end - at) throw new ParquetException($"column '{column}' is damaged: a value of {lengths[i]} bytes in a page with {end - at} left");
            into[i] = new Slice(at, (int)lengths[i]);
            at += (int)lengths[i];
        }
    }

    /// <summary>Each value shares a prefix with the one before. Returns the buffer that the slices point into.</summary>
    public static byte[] Prefixed(byte[] buffer, int offset, int length, Span<Slice> into, string column)
    {
        var prefixes = new long[into.Length];
        int used = Integers(buffer.AsSpan(offset, length), prefixes, column);
        var suffixes = new Slice[into.Length];
        Lengths(buffer, offset + used, length - used, suffixes, column);
        byte[] whole = new byte[Total(prefixes, suffixes, column)];
        int at = 0;
        var previous = default(Slice);
        for (int i = 0; i < into.Length; i++)
        {
            int prefix = (int)prefixes[i];
            if (prefix > previous.Length) throw new ParquetException($"column '{column}' is damaged: a prefix longer than the value before it");
            whole.AsSpan(previous.Offset, prefix).CopyTo(whole.AsSpan(at));
            buffer.AsSpan(suffixes[i].Offset, suffixes[i].Length).CopyTo(whole.AsSpan(at + prefix));
            previous = new Slice(at, prefix + suffixes[i].Length);
            into[i] = previous;
            at += previous.Length;
        }
        return whole;
    }

    /// <summary>Prefixes cost nothing in the file, so their sum has a limit of its own.</summary>
    private static int Total(long[] prefixes, Slice[] suffixes, string column)
    {
        long total = 0;
        for (int i = 0; i < prefixes.Length; i++)
        {
            if (prefixes[i] is < 0 or > Limits.PageBytes) throw new ParquetException($"column '{column}' is damaged: a prefix of {prefixes[i]} bytes");
            total += prefixes[i] + suffixes[i].Length;
            if (total > Limits.PageBytes) throw new ParquetException($"column '{column}' has a page whose values unfold to more than {Limits.PageBytes} bytes");
        }
        return (int)total;
    }

    private static ulong Bits(ReadOnlySpan<byte> data, long bit, int width)
    {
        if (width == 0) return 0;
        int at = (int)(bit >> 3), shift = (int)(bit & 7);
        ulong low = at + 8 <= data.Length ? BinaryPrimitives.ReadUInt64LittleEndian(data[at..]) : Tail(data[at..]);
        ulong word = low >> shift;
        if (shift + width > 64) word |= (ulong)data[at + 8] << (64 - shift);
        return width == 64 ? word : word & ((1UL << width) - 1);
    }

    private static ulong Tail(ReadOnlySpan<byte> data)
    {
        ulong word = 0;
        for (int i = data.Length - 1; i >= 0; i--) word = word << 8 | data[i];
        return word;
    }

    /// <summary>A cursor that never leaves its bytes.</summary>
    private ref struct BitBytes(ReadOnlySpan<byte> data, string column)
    {
        private readonly ReadOnlySpan<byte> _data = data;

        public int Position { get; private set; }

        public readonly ParquetException Damaged(string why) => new($"column '{column}' is damaged: {why}");

        public ReadOnlySpan<byte> Take(int count)
        {
            if (count > _data.Length - Position) throw Damaged("its deltas end before its values do");
            return TakeUpTo(count);
        }

        public ReadOnlySpan<byte> TakeUpTo(int count)
        {
            count = Math.Min(count, _data.Length - Position);
            ReadOnlySpan<byte> taken = _data.Slice(Position, count);
            Position += count;
            return taken;
        }

        public long Number()
        {
            ulong raw = Varint();
            return raw <= int.MaxValue ? (long)raw : throw Damaged($"the number {raw} in a delta header");
        }

        public long ZigZag()
        {
            ulong raw = Varint();
            return (long)(raw >> 1) ^ -(long)(raw & 1);
        }

        private ulong Varint()
        {
            ulong value = 0;
            for (int shift = 0; shift < 70; shift += 7)
            {
                byte b = Take(1)[0];
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80) return value;
            }
            throw Damaged("a number of more than 10 bytes");
        }
    }
}
