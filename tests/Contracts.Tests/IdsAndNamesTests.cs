using FineTuneGrid.Contracts;

namespace FineTuneGrid.Contracts.Tests;

public sealed class IdsAndNamesTests
{
    [Fact]
    public void NewId_LaterTime_SortsAfter()
    {
        var first = Ids.New(Ids.Job, DateTimeOffset.UnixEpoch.AddMilliseconds(1_700_000_000_000));
        var second = Ids.New(Ids.Job, DateTimeOffset.UnixEpoch.AddMilliseconds(1_700_000_000_001));

        Assert.True(string.CompareOrdinal(first, second) < 0);
        Assert.True(Ids.IsId(first, Ids.Job));
        Assert.False(Ids.IsId(first, Ids.Model));
    }

    [Fact]
    public void NewId_SameInstant_IsDistinct() =>
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(_ => Ids.New(Ids.Key, DateTimeOffset.UnixEpoch)).Distinct().Count());

    [Theory]
    [InlineData("job-../../etc/passwd")]
    [InlineData("job-0000000000000000000000000/")]
    [InlineData("job-")]
    public void IsId_Hostile_IsFalse(string text) => Assert.False(Ids.IsId(text, Ids.Job));

    [Theory]
    [InlineData("a")]
    [InlineData("team-1.x_y")]
    public void Name_Good_IsAccepted(string name) => Assert.Equal(name, Names.Check(name, "name"));

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("A")]
    [InlineData("a/b")]
    [InlineData("a\n")]
    [InlineData("metrics")]
    [InlineData("é")]
    public void Name_Bad_NamesTheField(string name) => Assert.Equal("org", Assert.Throws<GridException>(() => Names.Check(name, "org")).Field);

    [Fact]
    public void AdapterRef_WithVersion_RoundTrips() => Assert.Equal("team/x@3", AdapterRef.Parse("team/x@3", "adapter").ToString());
}
