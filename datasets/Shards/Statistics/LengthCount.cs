using System.Numerics;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>Counts lengths by ranges that are a quarter of a power of two wide, so that any length costs the same few numbers.</summary>
public sealed class LengthCount
{
    private const int Parts = 4;
    private const int PartBits = 2;

    private readonly SortedDictionary<int, long> _ranges = [];
    private long _count;
    private long _total;
    private long _shortest = long.MaxValue;
    private long _longest;

    /// <param name="length">0 or more.</param>
    public void Add(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _count++;
        _total += length;
        _shortest = Math.Min(_shortest, length);
        _longest = Math.Max(_longest, length);
        var range = RangeOf(length);
        _ranges[range] = _ranges.GetValueOrDefault(range) + 1;
    }

    /// <summary>What was counted; null where nothing was.</summary>
    public LengthHistogram? ToHistogram() => _count == 0 ? null
        : new LengthHistogram(_count, _total, _shortest, _longest, [.. _ranges.Select(r => new LengthRange(StartOf(r.Key), StartOf(r.Key + 1), r.Value))]);

    /// <summary>Lengths below <see cref="Parts"/> have a range each; from there on every doubling has four.</summary>
    private static int RangeOf(long length)
    {
        if (length < Parts) return (int)length;
        var power = BitOperations.Log2((ulong)length);
        return (power - PartBits + 1) * Parts + (int)((length >> (power - PartBits)) & (Parts - 1));
    }

    private static long StartOf(int range)
    {
        if (range < Parts) return range;
        var power = range / Parts + PartBits - 1;
        return (long)(Parts + range % Parts) << (power - PartBits);
    }
}
