using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Tests.Support;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Jobs with several workers on scripted nodes.</summary>
public sealed class GangTests
{
    private const string Two = "\"resources\":{\"workers\":2}";

    [Fact]
    public async Task Gang_OnTwoNodes_MeetsTrainsAndIsPublishedOnce()
    {
        await using var grid = await ReadyAsync();
        await using var first = await FakeAgent.StartAsync(grid, "n1");
        await using var second = await FakeAgent.StartAsync(grid, "n2");
        var job = await grid.SubmitAsync(Two);

        var (leader, peer) = await MeetAsync(first, second);
        Assert.Equal(new GangMembership(0, 2), leader.Order.Gang);
        Assert.Equal(new GangMembership(1, 2, "10.0.0.1:4000"), peer.Order.Gang);
        Assert.Equal((leader.Order.Epoch, $"{leader.SessionId}.1"), (peer.Order.Epoch, peer.SessionId));
        await first.AttachedAsync(leader);
        await second.AttachedAsync(peer);
        var view = await TestGrid.ReachesAsync(job, JobStatus.Running);
        Assert.Equal([(0, "n1", 0), (1, "n2", 0)], view.Workers!.Select(w => (w.Rank, w.Node, w.Slot)));
        await first.StepsAsync(leader, 1, 10);
        await first.FinishedAsync(leader);
        await second.DetachedAsync(peer, 10);

        await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
        Assert.Single((await job.Events(0, 100, 0)).Events, e => e.Message.StartsWith("Registered", StringComparison.Ordinal));
        await NoSlotIsHeldAsync(grid);
    }

    [Fact]
    public async Task Gang_WorkerCrashes_TheOtherIsStoppedAndBothStartAgain()
    {
        await using var grid = await ReadyAsync();
        await using var first = await FakeAgent.StartAsync(grid, "n1");
        await using var second = await FakeAgent.StartAsync(grid, "n2");
        await grid.SubmitAsync(Two);
        var (leader, peer) = await MeetAsync(first, second);
        await first.AttachedAsync(leader);
        await first.CommittedAsync(leader, 4);

        await second.SessionEndedAsync(peer.SessionId, new SessionJob(peer.Order.JobId, peer.Order.Epoch));
        var stop = await first.NextAsync<StopJob>();
        Assert.Equal((leader.SessionId, leader.Order.Epoch, false), (stop.SessionId, stop.Epoch, stop.Checkpoint));
        await first.DetachedAsync(leader, 4);

        var again = await first.NextAsync<StartJob>();
        Assert.True(again.Order.Epoch > leader.Order.Epoch);
        Assert.Equal(again.Order.Epoch, grid.Checkpoints.Epochs[again.Order.JobId]);
        Assert.NotEqual(leader.SessionId, again.SessionId);
        Assert.Null(again.Order.Gang!.Meeting);
    }

    [Fact]
    public async Task Gang_NodeFallsSilent_GoesOnOnAnother()
    {
        await using var grid = await ReadyAsync(o => (o.NodeLease, o.NodeRenew) = (TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(0.3)));
        await using var first = await FakeAgent.StartAsync(grid, "n1");
        var second = await FakeAgent.StartAsync(grid, "n2");
        var job = await grid.SubmitAsync(Two);
        var (leader, _) = await MeetAsync(first, second);
        await first.AttachedAsync(leader);

        await second.DisposeAsync();
        await first.NextAsync<StopJob>();
        await first.DetachedAsync(leader, 0);
        Assert.Equal("nodes_unavailable", (await WaitingAsync(job)).Code);
        await using var third = await FakeAgent.StartAsync(grid, "n3");

        var again = await first.NextAsync<StartJob>();
        await MeetAsync(first, again);
        Assert.Equal(1, (await third.NextAsync<StartJob>()).Order.Gang!.Rank);
    }

    [Fact]
    public async Task ElasticGang_NodeFallsSilent_GoesOnAlone()
    {
        await using var grid = await ReadyAsync(o => (o.NodeLease, o.NodeRenew) = (TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(0.3)));
        await using var first = await FakeAgent.StartAsync(grid, "n1");
        var second = await FakeAgent.StartAsync(grid, "n2");
        await grid.SubmitAsync("\"resources\":{\"workers\":2,\"min_workers\":1}");
        var (leader, _) = await MeetAsync(first, second);
        await first.AttachedAsync(leader);

        await second.DisposeAsync();
        await first.NextAsync<StopJob>();
        await first.DetachedAsync(leader, 0);

        Assert.Null((await first.NextAsync<StartJob>()).Order.Gang);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RunningGang_SurvivesARestartOfTheSilo(bool poolStateLost)
    {
        var grid = await ReadyAsync();
        StartJob leader, peer;
        await using (var first = await FakeAgent.StartAsync(grid, slots: 2))
        {
            await grid.SubmitAsync(Two);
            leader = await first.NextAsync<StartJob>();
            await MeetAsync(first, leader);
            peer = await first.NextAsync<StartJob>();
            await first.AttachedAsync(leader);
        }
        await grid.StopAsync();
        if (poolStateLost)
            await RecoveryTests.LosePoolStateAsync(grid);

        await using var next = await TestGrid.StartAsync(grid.Directory);
        List<SessionStatus> alive = [Alive(leader), Alive(peer)];
        await using var back = await FakeAgent.StartAsync(next, cursor: 2, sessions: alive, slots: 2);
        await back.FinishedAsync(leader);
        await back.DetachedAsync(peer, 10);

        var view = await TestGrid.ReachesAsync(next.Grains.GetGrain<IJobGrain>(leader.Order.JobId), JobStatus.Succeeded);
        Assert.Equal(1, view.Attempt);
        await NoSlotIsHeldAsync(next);
    }

    [Fact]
    public async Task Gang_FinishedWithAWorkerThatStays_StopsItWithoutBeingAsked()
    {
        await using var grid = await ReadyAsync();
        await using var agent = await FakeAgent.StartAsync(grid, slots: 2);
        var job = await grid.SubmitAsync(Two);
        var leader = await agent.NextAsync<StartJob>();
        await MeetAsync(agent, leader);
        var peer = await agent.NextAsync<StartJob>();
        await agent.FinishedAsync(leader);

        Assert.Equal(peer.SessionId, (await agent.NextAsync<StopJob>()).SessionId);
        await agent.DetachedAsync(peer, 10);
        await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
    }

    [Fact]
    public async Task Gang_FinishedWhileItsGrantIsSentAgain_HoldsItsSlotsUntilItsLastWorkerIsGone()
    {
        await using var grid = await ReadyAsync(o => o.Scheduler = o.Scheduler with { ResendMs = 1 });
        await using var agent = await FakeAgent.StartAsync(grid, slots: 2);
        var job = await grid.SubmitAsync(Two);
        var leader = await agent.NextAsync<StartJob>();
        var grant = (await job.Wake())!.Placement!;
        await MeetAsync(agent, leader);
        var peer = await agent.NextAsync<StartJob>();
        await agent.FinishedAsync(leader);

        Assert.Equal(new StartAnswer(null, Held: true), await job.PrepareStart(grant));
        Assert.Equal(peer.SessionId, (await agent.NextAsync<StopJob>()).SessionId);
        Assert.Equal([0, 1], (await grid.Pool.LiveNodes())[0].TakenSlots!);
        await agent.DetachedAsync(peer, 10);
        await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
        await NoSlotIsHeldAsync(grid);
    }

    [Fact]
    public async Task Gang_OnANodeThatDrains_LeavesWithACommitAndMoves()
    {
        await using var grid = await ReadyAsync();
        await using var first = await FakeAgent.StartAsync(grid, "n1");
        await using var second = await FakeAgent.StartAsync(grid, "n2");
        await using var third = await FakeAgent.StartAsync(grid, "n3");
        await grid.SubmitAsync(Two);
        var (leader, peer) = await MeetAsync(first, second);
        await first.AttachedAsync(leader);

        await grid.Grains.GetGrain<INodeGrain>("n2").Drain(true);
        var stop = await first.NextAsync<StopJob>();
        Assert.Equal((leader.SessionId, true, StopReasons.Drained), (stop.SessionId, stop.Checkpoint, stop.Reason));
        await first.CommittedAsync(leader, 6);
        await first.DetachedAsync(leader, 6);
        Assert.Equal(peer.SessionId, (await second.NextAsync<StopJob>()).SessionId);
        await second.DetachedAsync(peer, 6);

        var again = await first.NextAsync<StartJob>();
        await MeetAsync(first, again);
        Assert.Equal(1, (await third.NextAsync<StartJob>()).Order.Gang!.Rank);
    }

    [Fact]
    public async Task Gang_NoNodeCan_WaitsAndSaysFor()
    {
        await using var grid = await ReadyAsync();
        await using var plain = await FakeAgent.StartAsync(grid, slots: 2, collectives: false);
        var job = await grid.SubmitAsync(Two);

        Assert.Contains("native collectives", (await WaitingAsync(job)).Text);
        Assert.Equal(ErrorCodes.Unavailable, (await Assert.ThrowsAsync<GridException>(() => grid.NewJob().DryRun(TestGrid.Submission(Two)))).Code);
    }

    private static async Task<TestGrid> ReadyAsync(Action<GridOptions>? configure = null)
    {
        var grid = await TestGrid.StartAsync(configure: configure);
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        return grid;
    }

    private static async Task<(StartJob Leader, StartJob Peer)> MeetAsync(FakeAgent first, FakeAgent second)
    {
        var leader = await first.NextAsync<StartJob>();
        await MeetAsync(first, leader);
        return (leader, await second.NextAsync<StartJob>());
    }

    private static Task MeetAsync(FakeAgent agent, StartJob leader) =>
        agent.ReportAsync(leader.SessionId, new JobMeeting(leader.Order.JobId, leader.Order.Epoch, "10.0.0.1", 4000));

    private static SessionStatus Alive(StartJob start) =>
        new(start.SessionId, start.Slot, true, null, null, [new SessionJob(start.Order.JobId, start.Order.Epoch)]);

    private static async Task<WaitReason> WaitingAsync(IJobGrain job)
    {
        var deadline = DateTime.UtcNow + TestGrid.Limit;
        while (DateTime.UtcNow < deadline)
        {
            if (await job.Get() is { Status: JobStatus.Queued or JobStatus.Validating, Waiting: { } reason } && reason.Code != "backing_off")
                return reason;
            await job.Events(long.MaxValue, 1, 0.1);
        }
        throw new TimeoutException("The job should wait and say for what.");
    }

    private static async Task NoSlotIsHeldAsync(TestGrid grid)
    {
        var deadline = DateTime.UtcNow + TestGrid.Limit;
        while ((await grid.Pool.LiveNodes()).Any(n => n.TakenSlots!.Count > 0))
        {
            Assert.True(DateTime.UtcNow < deadline, "A slot is still held.");
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }
}
