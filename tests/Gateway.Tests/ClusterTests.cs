using System.Net;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>The silos of the control plane, where there is one.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ClusterTests(GatewayUnderTest gateway)
{
    private const string Members = "/api/v1/cluster/members";

    [Fact]
    public async Task Members_OfOneSilo_AreTheOneThatAnswers()
    {
        var member = Assert.Single((await gateway.Admin.GetAsync(Members).JsonAsync(HttpStatusCode.OK)).GetProperty("data").EnumerateArray());
        Assert.Equal("active", member.Text("status"));
        Assert.True(member.GetProperty("self").GetBoolean());
        Assert.False(member.GetProperty("stale").GetBoolean());
        Assert.Matches(@"^127\.0\.0\.1:\d+@\d+$", member.Text("address"));
    }

    [Theory]
    [InlineData("10.1.2.3:4@5", HttpStatusCode.NotFound, "There is no silo")]
    [InlineData("nonsense", HttpStatusCode.UnprocessableEntity, "is not the address of a silo")]
    [InlineData("", HttpStatusCode.Conflict, "is the silo that answers")]
    public async Task Evict_OfWhatMayNotGo_IsRefused(string address, HttpStatusCode status, string says)
    {
        if (address.Length == 0) address = (await gateway.Admin.GetAsync(Members).JsonAsync(HttpStatusCode.OK)).GetProperty("data")[0].Text("address");
        var problem = await gateway.Admin.DeleteAsync($"{Members}/{Uri.EscapeDataString(address)}?force=true").JsonAsync(status);
        Assert.Contains(says, problem.Text("detail"), StringComparison.Ordinal);
    }
}
