using FineTuneGrid.Models.Numerics;

namespace FineTuneGrid.Trainer.Data;

/// <summary>
/// Which example is sample number i: a permutation for each pass over the data, computed and never stored. A four-round
/// Feistel network (Luby and Rackoff 1988) over the next even power of two, walked until it lands inside the range.
/// </summary>
internal sealed class SampleOrder(long seed, long examples)
{
    private const int Rounds = 4;

    private readonly int _halfBits = Math.Max(1, (64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)Math.Max(1, examples - 1)) + 1) / 2);

    public long ExampleOf(long sample)
    {
        var (epoch, position) = Math.DivRem(sample, examples);
        var keys = CounterRng.Stream(seed, $"order/{epoch}");
        var value = position;
        do value = Permute(value, keys);
        while (value >= examples);
        return value;
    }

    private long Permute(long value, CounterRng keys)
    {
        var mask = (1L << _halfBits) - 1;
        var (left, right) = (value >> _halfBits, value & mask);
        for (var round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ ((long)keys.Bits((long)round << 40 | right) & mask));
        return left << _halfBits | right;
    }
}
