using System.Security.Cryptography;
using System.Runtime.InteropServices;

namespace FineTuneGrid.Shards.Tests;

public sealed class DataOrderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(1000)]
    [InlineData(65537)]
    public void At_EveryIndex_GivesEveryExampleOnce(int count)
    {
        for (var epoch = 0; epoch < 3; epoch++)
        {
            var order = new DataOrder(42, count);
            Assert.Equal(Enumerable.Range(0, count), Enumerable.Range(0, count).Select(i => order.At(epoch, i)).Order());
        }
    }

    [Fact]
    public void At_AnyHistory_GivesTheSameExample()
    {
        var order = new DataOrder(7, 1001);
        var expected = Enumerable.Range(0, 1001).Select(i => order.At(5, i)).ToArray();
        for (var i = 1000; i >= 0; i--)
            Assert.Equal(expected[i], new DataOrder(7, 1001).At(5, i));
        Assert.Equal(expected[3], order.AtCursor((5 * 1001L) + 3));
    }

    [Fact]
    public void At_OtherSeedOrEpoch_GivesAnotherOrder()
    {
        int[] First(long seed, long epoch) => [.. Enumerable.Range(0, 1000).Select(i => new DataOrder(seed, 1000).At(epoch, i))];
        var basis = First(0, 0);
        Assert.NotEqual(basis, First(0, 1));
        Assert.NotEqual(basis, First(1, 0));
        // Fixed points of a random permutation: one on average.
        Assert.InRange(basis.Where((example, i) => example == i).Count(), 0, 8);
        Assert.InRange(basis.Zip(First(0, 1)).Count(p => p.First == p.Second), 0, 8);
    }

    [Fact]
    public void At_SmallDomain_PermutationsAreSpreadEvenly()
    {
        // Each of the 24 orders of 4 examples over 24,000 seeds: 1000 expected, standard deviation about 31.
        var counts = Enumerable.Range(0, 24_000)
            .GroupBy(seed => string.Concat(Enumerable.Range(0, 4).Select(i => new DataOrder(seed, 4).At(0, i))))
            .Select(g => g.Count()).ToArray();
        Assert.Equal(24, counts.Length);
        Assert.All(counts, count => Assert.InRange(count, 800, 1200));
    }

    /// <summary>The order is part of what makes a job reproducible: a change here breaks every checkpoint in the world.</summary>
    [Theory]
    [InlineData(0, 1000, 0, "1e27449ebb6626e6")]
    [InlineData(-5, 123457, 3, "e7451bef20ae2004")]
    [InlineData(long.MaxValue, 7, 1000000, "5896da9ffdc5a2bd")]
    public void At_FixedSeeds_NeverChanges(long seed, int count, long epoch, string expected)
    {
        var order = new DataOrder(seed, count);
        var examples = Enumerable.Range(0, count).Select(i => order.At(epoch, i)).ToArray();
        Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<int>(examples)))[..16]);
    }
}
