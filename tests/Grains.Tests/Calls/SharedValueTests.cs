using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Tests.Support;
using Orleans;

namespace FineTuneGrid.Grains.Tests.Calls;

/// <summary>What a grain and its callers in the same process see of each other's values.</summary>
public sealed class SharedValueTests
{
    [Fact]
    public async Task Result_OfAContractType_IsTheGrainsOwnObject()
    {
        await using var grid = await TestGrid.StartAsync();
        var model = grid.Grains.GetGrain<IModelGrain>(await grid.AddModelAsync());

        var (first, second) = ((await model.Get())!, (await model.Get())!);

        Assert.NotSame(first, second);
        Assert.NotNull(first.Manifest);
        Assert.Same(first.Manifest, second.Manifest);
    }

    [Fact]
    public async Task List_ChangedByItsSenderAfterTheCall_IsAsItWas()
    {
        await using var grid = await TestGrid.StartAsync();
        var node = grid.Grains.GetGrain<INodeGrain>("n1");
        var incarnation = Guid.NewGuid().ToString("N");
        await node.Register(new NodeRegistration("n1", incarnation, "host", "test", [new NodeSlot(0, "cpu", 8L << 30, 2, "test-cpu")], []));
        var sessions = new List<SessionStatus> { new("s1", 0, true, null, null, []) };

        await node.Renew(incarnation, sessions);
        sessions.Clear();

        Assert.Equal("s1", Assert.Single((await node.Get())!.Sessions).SessionId);
    }

    [Fact]
    public async Task Values_OfAWholeJobLife_AreNeverChangedAfterTheyWereSent()
    {
        var witness = new CallWitness();
        await using (var grid = await TestGrid.StartAsync(witness: witness))
        {
            await using var agent = await FakeAgent.StartAsync(grid);
            await grid.AddModelAsync();
            await grid.AddDatasetAsync();
            var job = await grid.SubmitAsync();
            await TestGrid.ReachesAsync(job, JobStatus.Starting);
            var start = await agent.NextAsync<StartJob>();
            await agent.AttachedAsync(start);
            await agent.StepsAsync(start, 1, 10);
            await agent.CommittedAsync(start, 10);
            await agent.FinishedAsync(start);
            await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
            var page = await grid.Pool.Jobs(null, null, 10);
            Assert.Single(page.JobIds);
            await grid.Grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddOrg("late");
        }

        Assert.Empty(witness.Changed());
        Assert.Superset(
            new HashSet<string> { nameof(JobSubmission), nameof(QueuedJob), nameof(PlacementGrant), nameof(StartAnswer), nameof(NodeAvailability), nameof(JobView) },
            witness.Types());
    }
}
