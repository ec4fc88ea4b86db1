using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards.Tests;

/// <summary>Lengths counted by ranges, beside the lengths themselves.</summary>
public sealed class LengthCountTests
{
    [Fact]
    public void Ranges_HoldEachLengthOnce_AndAreAQuarterWide()
    {
        var (count, random) = (new LengthCount(), new Random(1));
        var lengths = Enumerable.Range(0, 3000).Select(i => i < 300 ? i : (long)Math.Pow(2, random.NextDouble() * 40)).ToList();
        lengths.ForEach(count.Add);
        var histogram = count.ToHistogram()!;
        Assert.Equal((lengths.Count, lengths.Sum(), lengths.Min(), lengths.Max()), ((int)histogram.Count, histogram.Total, histogram.Shortest, histogram.Longest));
        foreach (var range in histogram.Ranges)
        {
            Assert.Equal(lengths.Count(l => l >= range.From && l < range.Below), range.Count);
            Assert.True(range.Below - range.From <= Math.Max(1, range.From / 4), $"{range}");
        }
        Assert.Equal(lengths.Count, histogram.Ranges.Sum(r => r.Count));
        Assert.True(histogram.Ranges.Zip(histogram.Ranges.Skip(1)).All(p => p.First.Below <= p.Second.From));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.95)]
    [InlineData(1)]
    public void AtMost_IsNeverTooLow_AndAQuarterTooHighAtMost(double share)
    {
        var (count, random) = (new LengthCount(), new Random(2));
        var lengths = Enumerable.Range(0, 1000).Select(_ => random.NextInt64(1, 100_000)).Order().ToList();
        lengths.ForEach(count.Add);
        var exact = lengths[(int)Math.Ceiling(share * lengths.Count) - 1];
        Assert.InRange(count.ToHistogram()!.AtMost(share), exact, exact * 1.25 + 1);
    }

    [Fact]
    public void Nothing_IsNoHistogram() => Assert.Null(new LengthCount().ToHistogram());

    [Fact]
    public void Histogram_SurvivesBeingStored()
    {
        var count = new LengthCount();
        foreach (var length in (int[])[0, 5, 700]) count.Add(length);
        var stored = Contracts.GridJson.Parse<LengthHistogram>(Contracts.GridJson.ToText(count.ToHistogram()));
        Assert.Equal((3, 705, 0, 700, 235.0), (stored.Count, stored.Total, stored.Shortest, stored.Longest, stored.Mean));
        Assert.Equal(count.ToHistogram()!.Ranges, stored.Ranges);
    }
}
