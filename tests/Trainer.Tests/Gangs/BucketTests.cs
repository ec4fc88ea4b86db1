using FineTuneGrid.Models.Optim;
using FineTuneGrid.Trainer.Gangs;

namespace FineTuneGrid.Trainer.Tests.Gangs;

public sealed class BucketTests
{
    private static readonly IReadOnlyList<FlatSlot> Slots = Flat(
        ("embed.weight", 7), ("layers.0.a", 3), ("layers.0.b", 2), ("layers.1.a", 3), ("layers.1.b", 2), ("layers.10.a", 3), ("layers.10.b", 2), ("layers.2.a", 3), ("layers.2.b", 2), ("norm.weight", 1));

    [Fact]
    public void Buckets_OfSmallLayers_FollowTheBackwardAndEndWithWhatBelongsToNoLayer() =>
        Assert.Equal(
            [new(10, 17, 5), new(2, 22, 5), new(1, 12, 5), new(0, 7, 5), new(null, 0, 7), new(null, 27, 1)],
            Bucket.Of(Slots, least: 1, most: 100));

    [Fact]
    public void Buckets_BelowTheLeast_AreJoinedWhereTheyLieSideBySide() =>
        // 10 and 2 lie side by side; so do 1, 0 and the embedding, which is finished last.
        Assert.Equal([new(2, 17, 10), new(0, 7, 10), new(null, 0, 7), new(null, 27, 1)], Bucket.Of(Slots, least: 8, most: 100));

    [Fact]
    public void Buckets_AboveTheMost_AreCut() =>
        Assert.Equal([new(2, 17, 8), new(2, 25, 2)], Bucket.Of(Slots, least: 8, most: 8).Take(2));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(6, 4)]
    [InlineData(1000, 3)]
    public void Buckets_HoldEveryElementOnce(long least, long most)
    {
        var elements = Bucket.Of(Slots, least, most).SelectMany(b => Enumerable.Range((int)b.Offset, (int)b.Count)).ToList();

        Assert.Equal(Enumerable.Range(0, 28), elements.Order());
        Assert.All(Bucket.Of(Slots, least, most), b => Assert.InRange(b.Count, 1, most));
    }

    private static List<FlatSlot> Flat(params (string Name, long Count)[] parameters)
    {
        var slots = new List<FlatSlot>();
        foreach (var (name, count) in parameters) slots.Add(new FlatSlot(name, [count], slots.Sum(s => s.Count), count));
        return slots;
    }
}
