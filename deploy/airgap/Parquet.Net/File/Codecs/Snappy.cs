using System.Buffers.Binary;

namespace Parquet.File.Codecs;

/// <summary>Snappy's raw block format (github.com/google/snappy, format_description.txt).</summary>
internal static class Snappy
{
    private const int HashBits = 14;

    /// <summary>Fills <paramref name="into"/> exactly; false when the block is damaged or of another length.</summary>
    public static bool TryInflate(ReadOnlySpan<byte> stored, Span<byte> into)
    {
        int at = 0, done = 0;
        if (!TryLength(stored, ref at, out uint length) || length != (uint)into.Length) return false;
        while (at < stored.Length)
        {
            int tag = stored[at++];
            if ((tag & 3) == 0)
            {
                if (!TryLiteral(stored, tag >> 2, ref at, into, ref done)) return false;
                continue;
            }
            int extra = (tag & 3) == 1 ? 1 : (tag & 3) == 2 ? 2 : 4;
            if (stored.Length - at < extra) return false;
            int size = (tag & 3) == 1 ? (tag >> 2 & 7) + 4 : (tag >> 2) + 1;
            uint offset = extra switch
            {
                1 => (uint)((tag & 0xE0) << 3 | stored[at]),
                2 => BinaryPrimitives.ReadUInt16LittleEndian(stored[at..]),
                _ => BinaryPrimitives.ReadUInt32LittleEndian(stored[at..]),
            };
            at += extra;
            if (!Copies.TryRepeat(into, ref done, offset, size)) return false;
        }
        return done == into.Length;
    }

    public static byte[] Deflate(ReadOnlySpan<byte> bytes)
    {
        byte[] into = new byte[32 + bytes.Length + bytes.Length / 6];
        int at = 0;
        for (uint left = (uint)bytes.Length; ; left >>= 7)
        {
            into[at++] = (byte)(left >= 0x80 ? left | 0x80 : left);
            if (left < 0x80) break;
        }
        // Blocks of 64 KiB keep every offset within two bytes.
        for (int start = 0; start < bytes.Length; start += 1 << 16)
            Block(bytes.Slice(start, Math.Min(1 << 16, bytes.Length - start)), into, ref at);
        return into[..at];
    }

    private static bool TryLength(ReadOnlySpan<byte> stored, ref int at, out uint length)
    {
        length = 0;
        for (int shift = 0; shift < 35 && at < stored.Length; shift += 7)
        {
            byte b = stored[at++];
            length |= (uint)(b & 0x7F) << shift;
            if (b < 0x80) return true;
        }
        return false;
    }

    private static bool TryLiteral(ReadOnlySpan<byte> stored, int code, ref int at, Span<byte> into, ref int done)
    {
        long size = code + 1;
        if (code >= 60)
        {
            int bytes = code - 59;
            if (stored.Length - at < bytes) return false;
            size = 1;
            for (int i = 0; i < bytes; i++) size += (long)stored[at++] << (8 * i);
        }
        if (size > stored.Length - at || size > into.Length - done) return false;
        stored.Slice(at, (int)size).CopyTo(into[done..]);
        at += (int)size;
        done += (int)size;
        return true;
    }

    private static void Block(ReadOnlySpan<byte> block, byte[] into, ref int at)
    {
        Span<ushort> table = new ushort[1 << HashBits];
        int literal = 0, i = 1, skip = 32;
        while (i + 4 <= block.Length)
        {
            uint word = BinaryPrimitives.ReadUInt32LittleEndian(block[i..]);
            ref ushort slot = ref table[(int)(word * 0x1E35A7BD >> (32 - HashBits))];
            int candidate = slot;
            slot = (ushort)i;
            if (candidate >= i || BinaryPrimitives.ReadUInt32LittleEndian(block[candidate..]) != word)
            {
                i += skip++ >> 5; // go faster where nothing matches
                continue;
            }
            int length = 4 + Copies.MatchLength(block, candidate + 4, i + 4);
            Literal(block[literal..i], into, ref at);
            Copy(i - candidate, length, into, ref at);
            i += length;
            literal = i;
            skip = 32;
        }
        Literal(block[literal..], into, ref at);
    }

    private static void Literal(ReadOnlySpan<byte> bytes, byte[] into, ref int at)
    {
        if (bytes.IsEmpty) return;
        int n = bytes.Length - 1;
        if (n < 60)
        {
            into[at++] = (byte)(n << 2);
        }
        else if (n < 256)
        {
            into[at++] = 60 << 2;
            into[at++] = (byte)n;
        }
        else
        {
            into[at++] = 61 << 2;
            into[at++] = (byte)n;
            into[at++] = (byte)(n >> 8);
        }
        bytes.CopyTo(into.AsSpan(at));
        at += bytes.Length;
    }

    private static void Copy(int offset, int length, byte[] into, ref int at)
    {
        while (length > 0)
        {
            int size = Math.Min(length, 64);
            into[at++] = (byte)((size - 1) << 2 | 2);
            into[at++] = (byte)offset;
            into[at++] = (byte)(offset >> 8);
            length -= size;
        }
    }
}
