using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Contracts.Tests;

public sealed class GangMembershipTests
{
    [Theory]
    [InlineData(0, 1, null)]
    [InlineData(0, 4, null)]
    [InlineData(3, 4, "10.0.0.7:40123")]
    [InlineData(1, 2, "[::1]:40123")]
    [InlineData(1, 2, "node-a.internal:1")]
    public void Membership_Good_IsAccepted(int rank, int size, string? meeting) => new GangMembership(rank, size, meeting).Check();

    [Theory]
    [InlineData(0, 0, null, "gang.size")]
    [InlineData(2, 2, "a:1", "gang.rank")]
    [InlineData(-1, 2, "a:1", "gang.rank")]
    [InlineData(0, 2, "a:1", "gang.meeting")]
    [InlineData(1, 2, null, "gang.meeting")]
    [InlineData(1, 2, "10.0.0.7", "gang.meeting")]
    [InlineData(1, 2, "10.0.0.7:0", "gang.meeting")]
    [InlineData(1, 2, "10.0.0.7:70000", "gang.meeting")]
    [InlineData(1, 2, ":7000", "gang.meeting")]
    public void Membership_Bad_NamesTheField(int rank, int size, string? meeting, string field)
    {
        var e = Assert.Throws<GridException>(new GangMembership(rank, size, meeting).Check);

        Assert.Equal((ErrorCodes.InvalidRequest, field), (e.Code, e.Field));
    }

    [Fact]
    public void MeetingPoint_OfAnIpv6Address_LosesItsBrackets() =>
        Assert.Equal(("::1", 40123), new GangMembership(1, 2, "[::1]:40123").MeetingPoint());

    [Fact]
    public void Meeting_AsAReport_IsReadBack()
    {
        TrainerReport report = new JobMeeting("job-a", 3, "10.0.0.7", 40123) { Seq = 2 };

        Assert.Equal(report, GridJson.Parse<TrainerReport>(GridJson.ToText(report)));
    }
}
