using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Grains.Tests;

/// <summary>What survives the end of nodes and silos.</summary>
public sealed class RecoveryTests
{
    [Fact]
    public async Task Node_ThatFallsSilent_LosesItsJobToAnother()
    {
        await using var grid = await TestGrid.StartAsync(configure: o => (o.NodeLease, o.NodeRenew) = (TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(0.3)));
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        var first = await FakeAgent.StartAsync(grid, "n1");
        var job = await grid.SubmitAsync();
        var start = await first.NextAsync<StartJob>();
        await first.AttachedAsync(start);
        await first.CommittedAsync(start, 3);

        await first.DisposeAsync();
        await using var second = await FakeAgent.StartAsync(grid, "n2");

        var again = await second.NextAsync<StartJob>();
        Assert.Equal(start.Order.JobId, again.Order.JobId);
        Assert.True(again.Order.Epoch > start.Order.Epoch);
        Assert.Equal(again.Order.Epoch, grid.Checkpoints.Epochs[start.Order.JobId]);
        Assert.Equal("lost", (await grid.Grains.GetGrain<INodeGrain>("n1").Get())!.Status);
        Assert.Equal(3, (await job.Get())!.Progress.CommittedStep);
    }

    [Fact]
    public async Task Commands_NotYetTaken_SurviveARestartOfTheSilo()
    {
        var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        var node = grid.Grains.GetGrain<INodeGrain>("n1");
        await using (var agent = await FakeAgent.StartAsync(grid))
        {
            // Registered, but it takes no command any more.
        }
        var command = new StopSession("s-1", false, "test") { OperationId = "op-1" };
        await node.Send(command);
        await node.Send(command);
        await grid.StopAsync();

        await using var next = await TestGrid.StartAsync(grid.Directory);
        await using var back = await FakeAgent.StartAsync(next);

        Assert.Equal("op-1", (await back.NextAsync<StopSession>()).OperationId);
        Assert.Equal(1, back.Cursor);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RunningJob_SurvivesARestartOfTheSilo(bool poolStateLost)
    {
        var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        StartJob start;
        await using (var agent = await FakeAgent.StartAsync(grid))
        {
            await grid.SubmitAsync();
            start = await agent.NextAsync<StartJob>();
            await agent.AttachedAsync(start);
            await agent.StepsAsync(start, 1, 4);
        }
        await grid.StopAsync();
        if (poolStateLost)
            await LosePoolStateAsync(grid);

        await using var next = await TestGrid.StartAsync(grid.Directory);
        var alive = new SessionStatus(start.SessionId, 0, true, null, null, [new SessionJob(start.Order.JobId, start.Order.Epoch)]);
        await using var back = await FakeAgent.StartAsync(next, cursor: 1, sessions: new List<SessionStatus> { alive });
        await back.StepsAsync(start, 5, 10);
        await back.FinishedAsync(start);

        var job = next.Grains.GetGrain<IJobGrain>(start.Order.JobId);
        var view = await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
        Assert.Equal(1, view.Attempt);
        Assert.Equal(Enumerable.Range(1, 10), (await job.Metrics(0, 100)).Select(m => m.Step));
        Assert.Equal([view.Id], (await next.Pool.Jobs(TestGrid.Org, null, 10)).JobIds);
    }

    [Fact]
    public async Task QueuedJobs_OfALostPoolState_AreQueuedAgain()
    {
        var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        var ids = new HashSet<string>();
        await using (var agent = await FakeAgent.StartAsync(grid))
        {
            for (var i = 0; i < 3; i++)
            {
                var job = await grid.SubmitAsync("\"method\":{\"type\":\"full\"}");
                ids.Add(job.GetPrimaryKeyString());
                await TestGrid.ReachesAsync(job, JobStatus.Queued, JobStatus.Starting);
            }
        }
        await grid.StopAsync();
        await LosePoolStateAsync(grid);

        await using var next = await TestGrid.StartAsync(grid.Directory);
        await using var back = await FakeAgent.StartAsync(next, cursor: 0);
        var seen = new HashSet<string>();
        while (seen.Count < 3)
        {
            var start = await back.NextAsync<StartJob>();
            if (seen.Add(start.Order.JobId))
                await back.AttachedAsync(start);
            await back.FinishedAsync(start);
        }

        Assert.Equal(ids, seen);
    }

    [Fact]
    public async Task Start_TakenByAMachineThatForgotIt_IsGivenAgain()
    {
        await using var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        StartJob start;
        long cursor;
        await using (var agent = await FakeAgent.StartAsync(grid))
        {
            await grid.SubmitAsync();
            start = await agent.NextAsync<StartJob>();
            cursor = agent.Cursor;
        }

        // The same node again, past the command but without the session.
        await using var back = await FakeAgent.StartAsync(grid, cursor: cursor);

        var again = await back.NextAsync<StartJob>();
        Assert.Equal(start.Order.JobId, again.Order.JobId);
        Assert.True(again.Order.Epoch > start.Order.Epoch);
    }

    [Fact]
    public async Task PlacementRecovered_AfterItsMachineRegisteredWithoutIt_IsGivenAgain()
    {
        var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        StartJob start;
        long cursor;
        await using (var agent = await FakeAgent.StartAsync(grid))
        {
            await grid.SubmitAsync();
            start = await agent.NextAsync<StartJob>();
            cursor = agent.Cursor;
        }
        await grid.StopAsync();
        await LosePoolStateAsync(grid);

        // The pool hears of its jobs only long after the node is there: the order that a slow store brings about.
        var recovered = new TaskCompletionSource();
        await using var next = await TestGrid.StartAsync(
            grid.Directory, inner => new FaultyBlobStore(inner) { BeforeRead = key => key.Contains("/job/") ? recovered.Task : Task.CompletedTask });
        await using var back = await FakeAgent.StartAsync(next, cursor: cursor);
        recovered.SetResult();

        var again = await back.NextAsync<StartJob>();
        Assert.Equal(start.Order.JobId, again.Order.JobId);
        Assert.True(again.Order.Epoch > start.Order.Epoch);
    }

    [Fact]
    public async Task OldIncarnation_OfANode_IsRefused()
    {
        await using var grid = await TestGrid.StartAsync();
        await using var first = await FakeAgent.StartAsync(grid);
        await using var second = await FakeAgent.StartAsync(grid);
        var node = grid.Grains.GetGrain<INodeGrain>("n1");

        var refused = await Assert.ThrowsAsync<GridException>(() => node.Renew(first.Incarnation, new List<SessionStatus>()));

        Assert.Equal(ErrorCodes.LeaseLost, refused.Code);
        await node.Renew(second.Incarnation, new List<SessionStatus>());
    }

    /// <summary>After the end of the silo, since a living pool would write it again.</summary>
    internal static async Task LosePoolStateAsync(TestGrid grid)
    {
        using var store = new LocalBlobStore(Path.Combine(grid.Directory, "blobs"));
        Assert.True(await store.DeleteAsync("grains/pool/default"));
    }
}
