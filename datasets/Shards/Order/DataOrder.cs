using System.Numerics;

namespace FineTuneGrid.Shards;

/// <summary>
/// The order of examples: for each epoch a permutation of 0 .. count - 1 that is a pure function of (seed, epoch), with random
/// access. No state, no buffer, nothing to replay: whoever knows the seed and how many samples were consumed knows what comes next.
/// </summary>
/// <remarks>
/// A balanced Feistel network over the smallest even number of bits that holds the count, with cycle walking (Black and
/// Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). The round function is SplitMix64's finalizer. The outputs are part
/// of the product's promise that a job gives the same bytes: they may never change.
/// </remarks>
public sealed class DataOrder
{
    private const int Rounds = 8;

    private readonly long _seed;
    private readonly int _halfBits;
    private readonly ulong _halfMask;

    /// <param name="seed">The job's seed.</param>
    /// <param name="count">Number of examples, at least 1.</param>
    public DataOrder(long seed, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        _seed = seed;
        Count = count;
        var bits = Math.Max(2, 32 - BitOperations.LeadingZeroCount((uint)(count - 1)));
        _halfBits = (bits + 1) / 2;
        _halfMask = (1UL << _halfBits) - 1;
    }

    public int Count { get; }

    /// <summary>The example at a place of an epoch's order.</summary>
    public int At(long epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        var key = Mix(Mix((ulong)_seed) ^ (ulong)epoch);
        var value = (ulong)index;
        // The domain is less than four times the count, so few rounds of walking are needed.
        do
        {
            value = Encrypt(value, key);
        }
        while (value >= (ulong)Count);
        return (int)value;
    }

    /// <summary>The example after a number of samples consumed, over all epochs.</summary>
    public int AtCursor(long samplesConsumed) => At(samplesConsumed / Count, (int)(samplesConsumed % Count));

    private ulong Encrypt(ulong value, ulong key)
    {
        var left = value >> _halfBits;
        var right = value & _halfMask;
        for (var round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ (Mix(key + (right * Rounds) + (ulong)round) & _halfMask));
        return (left << _halfBits) | right;
    }

    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
