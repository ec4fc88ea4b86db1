using System.Buffers.Binary;

namespace Parquet.File.Codecs;

/// <summary>LZ4's raw block format (lz4_Block_format.md), and the frame that Hadoop put around it.</summary>
internal static class Lz4
{
    private const int HashBits = 14;

    /// <summary>The format wants the last match to start 12 bytes before the end and the last 5 bytes to be literals.</summary>
    private const int TailMatch = 12, TailLiterals = 5;

    public static bool TryInflate(ReadOnlySpan<byte> stored, Span<byte> into)
    {
        int at = 0, done = 0;
        while (at < stored.Length)
        {
            int token = stored[at++];
            if (!TryLength(stored, token >> 4, ref at, out long literal)) return false;
            if (literal > stored.Length - at || literal > into.Length - done) return false;
            stored.Slice(at, (int)literal).CopyTo(into[done..]);
            at += (int)literal;
            done += (int)literal;
            if (at == stored.Length) break;
            if (stored.Length - at < 2) return false;
            uint offset = BinaryPrimitives.ReadUInt16LittleEndian(stored[at..]);
            at += 2;
            if (!TryLength(stored, token & 15, ref at, out long match)) return false;
            if (!Copies.TryRepeat(into, ref done, offset, match + 4)) return false;
        }
        return done == into.Length;
    }

    /// <summary>Codec LZ4 of old files: blocks behind their two big-endian sizes, or a bare block.</summary>
    public static bool TryInflateHadoop(ReadOnlySpan<byte> stored, Span<byte> into)
    {
        ReadOnlySpan<byte> rest = stored;
        Span<byte> left = into;
        while (rest.Length >= 8)
        {
            uint inflated = BinaryPrimitives.ReadUInt32BigEndian(rest), size = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
            rest = rest[8..];
            if (size > (uint)rest.Length || inflated > (uint)left.Length) break;
            if (!TryInflate(rest[..(int)size], left[..(int)inflated])) break;
            rest = rest[(int)size..];
            left = left[(int)inflated..];
            if (rest.IsEmpty) return left.IsEmpty;
        }
        return TryInflate(stored, into);
    }

    public static byte[] Deflate(ReadOnlySpan<byte> bytes)
    {
        byte[] into = new byte[bytes.Length + bytes.Length / 255 + 32];
        int[] table = new int[1 << HashBits]; // positions plus one, so that zero is empty
        int at = 0, literal = 0, i = 0, skip = 64;
        while (i + TailMatch < bytes.Length)
        {
            uint word = BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]);
            ref int slot = ref table[word * 2654435761u >> (32 - HashBits)];
            int candidate = slot - 1;
            slot = i + 1;
            if (candidate < 0 || i - candidate > ushort.MaxValue || BinaryPrimitives.ReadUInt32LittleEndian(bytes[candidate..]) != word)
            {
                i += skip++ >> 6;
                continue;
            }
            int match = 4 + Copies.MatchLength(bytes[..^TailLiterals], candidate + 4, i + 4);
            Sequence(bytes[literal..i], i - candidate, match - 4, into, ref at);
            i += match;
            literal = i;
            skip = 64;
        }
        Sequence(bytes[literal..], 0, 0, into, ref at);
        return into[..at];
    }

    private static bool TryLength(ReadOnlySpan<byte> stored, int nibble, ref int at, out long length)
    {
        length = nibble;
        if (nibble < 15) return true;
        while (at < stored.Length)
        {
            byte b = stored[at++];
            length += b;
            if (b < 255) return true;
        }
        return false;
    }

    private static void Sequence(ReadOnlySpan<byte> literals, int offset, int match, byte[] into, ref int at)
    {
        into[at++] = (byte)(Math.Min(literals.Length, 15) << 4 | (offset == 0 ? 0 : Math.Min(match, 15)));
        More(literals.Length, into, ref at);
        literals.CopyTo(into.AsSpan(at));
        at += literals.Length;
        if (offset == 0) return;
        BinaryPrimitives.WriteUInt16LittleEndian(into.AsSpan(at), (ushort)offset);
        at += 2;
        More(match, into, ref at);
    }

    private static void More(int length, byte[] into, ref int at)
    {
        if (length < 15) return;
        length -= 15;
        for (; length >= 255; length -= 255) into[at++] = 255;
        into[at++] = (byte)length;
    }
}
