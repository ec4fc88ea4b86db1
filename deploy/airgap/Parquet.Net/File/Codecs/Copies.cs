namespace Parquet.File.Codecs;

/// <summary>What the LZ77 family shares.</summary>
internal static class Copies
{
    /// <summary>Appends <paramref name="size"/> bytes from <paramref name="offset"/> bytes back; the source may overlap what is being written.</summary>
    public static bool TryRepeat(Span<byte> into, ref int done, uint offset, long size)
    {
        if (offset == 0 || offset > (uint)done || size > into.Length - done) return false;
        int from = done - (int)offset, left = (int)size;
        while (left > 0)
        {
            int step = Math.Min(left, done - from);
            into.Slice(from, step).CopyTo(into[done..]);
            done += step;
            left -= step;
        }
        return true;
    }

    /// <summary>How many bytes from <paramref name="a"/> on equal those from <paramref name="b"/> on, <paramref name="b"/> being the later.</summary>
    public static int MatchLength(ReadOnlySpan<byte> bytes, int a, int b) => bytes[b..].CommonPrefixLength(bytes[a..]);
}
