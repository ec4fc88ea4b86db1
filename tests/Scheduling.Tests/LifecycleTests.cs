namespace FineTuneGrid.Scheduling.Tests;

public sealed class LifecycleTests
{
    [Fact]
    public void Lease_RunOut_StopsItsJobsAndMovesThemOnceReleased()
    {
        var pool = new Pool();
        pool.Do(new NodeRegistered("n1", 1, pool.Now + 30_000, [new(SlotDevice.Cpu, 16 * Pool.Gib, 2)]));
        pool.Queue("j").Start("j").Node("n2");
        pool.Pass(30_000);
        Assert.Empty(pool.Last);
        pool.Pass(pool.State.Options.LeaseGraceMs);
        Assert.Equal(StopReason.NodeLost, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
        Assert.False(pool.Placed("j"));
        pool.Release("j", ReleaseReason.Lost);
        pool.Pass(10_000);
        Assert.Equal(["n2/0"], pool.Slots("j"));
    }

    [Fact]
    public void Gang_LosingOneNode_KeepsItsOtherSlotsTakenUntilReleased()
    {
        var pool = new Pool().Node("n2");
        pool.Do(new NodeRegistered("n1", 1, pool.Now + 30_000, [new(SlotDevice.Cpu, 16 * Pool.Gib, 2)]));
        pool.Queue("gang", workers: 2).Start("gang").Queue("other");
        pool.Pass(60_000);
        Assert.False(pool.Placed("other"));
        pool.Release("gang", ReleaseReason.Lost);
        Assert.Equal(["n2/0"], pool.Slots("other"));
    }

    [Fact]
    public void LostNode_ComingBack_DoesNotGetItsSlotFreeBeforeTheOldRunHasEnded()
    {
        var pool = new Pool();
        pool.Do(new NodeRegistered("n1", 1, pool.Now + 30_000, [new(SlotDevice.Cpu, 16 * Pool.Gib, 2)]));
        pool.Queue("j").Start("j").Queue("next");
        pool.Pass(60_000);
        pool.Do(new NodeLeaseRenewed("n1", 1, pool.Now + 600_000));
        Assert.Empty(pool.Running);
        pool.Release("j", ReleaseReason.Lost);
        Assert.Single(pool.Running);
    }

    [Fact]
    public void OldIncarnation_CanNeitherRenewNorRegister()
    {
        var pool = new Pool();
        pool.Do(new NodeRegistered("n1", 2, pool.Now + 30_000, [new(SlotDevice.Cpu, 1, 1)]));
        pool.Do(new NodeLeaseRenewed("n1", 1, pool.Now + 900_000));
        pool.Do(new NodeRegistered("n1", 1, pool.Now + 900_000, []));
        Assert.Equal(pool.Now + 30_000, pool.State.Nodes["n1"].LeaseUntil);
        Assert.Single(pool.State.Nodes["n1"].Slots);
    }

    [Fact]
    public void RestartedAgent_WithoutTheSession_LosesItsJobs()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Do(new NodeRegistered("n1", 2, pool.Now + 600_000, [new(SlotDevice.Cpu, 16 * Pool.Gib, 2)]) { LiveSessions = [] });
        Assert.Equal(StopReason.NodeLost, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
    }

    [Fact]
    public void RestartedAgent_WithTheSession_KeepsItsJobs()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        var session = pool.Job("j").Placement!.Session;
        pool.Do(new NodeRegistered("n1", 2, pool.Now + 600_000, [new(SlotDevice.Cpu, 16 * Pool.Gib, 2)]) { LiveSessions = [session] });
        Assert.Empty(pool.Last);
        Assert.True(pool.Placed("j"));
    }

    [Fact]
    public void Drain_Evicting_MovesJobsAndTakesNoNewOnes()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Do(new NodeDrain("n1"));
        Assert.Equal(StopReason.Drained, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
        pool.Release("j", ReleaseReason.Preempted);
        Assert.False(pool.Placed("j"));
        pool.Do(new NodeRemoved("n1"));
        Assert.Empty(pool.State.Nodes);
    }

    [Fact]
    public void Drain_NotEvicting_LetsJobsEndAndUndrainTakesNewOnes()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j").Queue("next");
        Assert.Empty(pool.Do(new NodeDrain("n1", Evict: false)));
        pool.Do(new NodeRemoved("n1"));
        Assert.Single(pool.State.Nodes);
        pool.Release("j", ReleaseReason.Finished);
        Assert.False(pool.Placed("next"));
        pool.Do(new NodeUndrain("n1"));
        Assert.True(pool.Placed("next"));
    }

    [Fact]
    public void Pause_Running_KeepsTheSlotUntilReleasedThenWaitsForResume()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j").Queue("next");
        pool.Do(new JobPaused("j"));
        Assert.Equal(StopReason.Paused, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
        Assert.False(pool.Placed("next"));
        pool.Release("j", ReleaseReason.Paused);
        Assert.True(pool.Placed("next"));
        Assert.Equal(JobPhase.Paused, pool.Job("j").Phase);
        pool.Release("next", ReleaseReason.Finished);
        Assert.False(pool.Placed("j"));
        pool.Do(new JobResumed("j"));
        Assert.True(pool.Placed("j"));
    }

    [Fact]
    public void Resume_WhileStillStopping_RunsAgainAfterTheRelease()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Do(new JobPaused("j"));
        pool.Do(new JobResumed("j"));
        pool.Release("j", ReleaseReason.Paused);
        Assert.True(pool.Placed("j"));
    }

    [Fact]
    public void Cancel_WaitingOrRunning_ForgetsTheJobAndFreesItsSlot()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j").Queue("waiting");
        pool.Do(new JobCancelled("waiting"));
        Assert.False(pool.State.Jobs.ContainsKey("waiting"));
        pool.Do(new JobCancelled("j"));
        Assert.Equal(StopReason.Cancelled, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
        pool.Release("j", ReleaseReason.Preempted);
        Assert.Empty(pool.State.Jobs);
        Assert.Empty(pool.State.Sessions);
    }

    [Fact]
    public void UnansweredGrantAndStop_AreRepeatedUnchanged()
    {
        var pool = new Pool().Node("n1").Queue("j");
        var grant = pool.Last[0] as GrantCommand;
        pool.Pass(pool.State.Options.ResendMs);
        Assert.Equal(grant!.Placement, Assert.IsType<GrantCommand>(Assert.Single(pool.Last)).Placement);
        pool.Start("j");
        Assert.Empty(pool.Pass(60_000));
        pool.Do(new JobPaused("j"));
        pool.Pass(pool.State.Options.ResendMs);
        Assert.IsType<StopCommand>(Assert.Single(pool.Last));
    }

    [Fact]
    public void Grant_ThatNeverStarts_IsTakenBack()
    {
        var pool = new Pool().Node("n1").Queue("j");
        for (var t = 0L; t < pool.State.Options.StartTimeoutMs; t += 10_000)
            pool.Pass(10_000);
        Assert.Equal(StopReason.StartTimeout, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
    }

    [Fact]
    public void OldReports_OfAPlacementThatIsOver_ChangeNothing()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        var old = pool.Placement("j");
        pool.Release("j", ReleaseReason.Preempted);
        Assert.NotEqual(old, pool.Placement("j"));
        var before = pool.State.Hash();
        pool.Do(new JobReleased("j", old, ReleaseReason.Finished));
        pool.Do(new JobStarted("j", old, 99));
        pool.Do(new JobProgress("j", old, 0, 99));
        pool.Do(new JobQueued(Pool.Request("j")));
        Assert.Equal(before, pool.State.Hash());
    }

    [Fact]
    public void Rebuild_FromWhatTheJobsKnow_KeepsRunningJobsWhereTheyAre()
    {
        var pool = new Pool().Node("n1", slots: 2).Queue("j1", key: "k").Queue("j2", key: "k").Queue("gang", workers: 1).Queue("waits", workers: 2);
        var rebuilt = new Pool { Now = pool.Now };
        foreach (var job in pool.State.Jobs.Values)
            rebuilt.Do(new JobRecovered(job.Request) { Placement = job.Placement, WorkLeftMs = job.WorkLeftMs, WaitingSince = job.WaitingSince });
        rebuilt.Node("n1", slots: 2);
        Assert.Empty(rebuilt.All);
        foreach (var id in pool.Running)
            Assert.Equal(pool.Slots(id), rebuilt.Slots(id));
        rebuilt.Release("j1", ReleaseReason.Finished);
        rebuilt.Release("j2", ReleaseReason.Finished);
        rebuilt.Release("gang", ReleaseReason.Finished);
        Assert.True(rebuilt.Placed("waits"));
        Assert.True(long.Parse(rebuilt.Placement("waits")[1..]) > pool.State.Jobs.Values.Max(j => j.Placement is { } p ? long.Parse(p.Id[1..]) : 0));
    }

    [Fact]
    public void Rebuild_AfterPlacementsThatAreOver_NumbersAboveThem()
    {
        var pool = new Pool().Node("n1");
        pool.Do(new JobRecovered(Pool.Request("j")) { LastPlacement = 77 });
        Assert.True(long.Parse(pool.Placement("j")[1..]) > 77);
    }

    [Fact]
    public void Rebuild_NodeThatNeverComes_IsLostAfterItsGrace()
    {
        var pool = new Pool();
        var placement = new Placement { Id = "p7", Session = "s8", Slots = [new("gone", 0)] };
        pool.Do(new JobRecovered(Pool.Request("j")) { Placement = placement });
        pool.Pass(pool.State.Options.AdoptionGraceMs + pool.State.Options.LeaseGraceMs);
        Assert.Equal(StopReason.NodeLost, Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Reason);
        pool.Release("j", ReleaseReason.Lost);
        Assert.Empty(pool.State.Sessions);
    }
}
