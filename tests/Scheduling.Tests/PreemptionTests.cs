namespace FineTuneGrid.Scheduling.Tests;

public sealed class PreemptionTests
{
    [Fact]
    public void HigherPriority_NoFreeSlot_StopsTheVictimThatLosesLeast()
    {
        var pool = new Pool().Node("n1").Node("n2").Queue("v1").Queue("v2");
        pool.Start("v1").Start("v2");
        pool.Now += 60_000;
        pool.Do(new JobProgress("v2", pool.Placement("v2"), 1_000, 10) { SaveMs = 100, ReloadMs = 100 });
        pool.Now += 1_000;
        pool.Queue("urgent", priority: 1);
        var stop = Assert.IsType<StopCommand>(Assert.Single(pool.Last));
        Assert.Equal(("v2", StopReason.Preempted, "urgent"), (stop.Job, stop.Reason, stop.For));
    }

    [Fact]
    public void SaveAndReloadTime_CountInTheCost()
    {
        var pool = new Pool().Node("n1").Node("n2").Queue("v1").Queue("v2");
        pool.Start("v1").Start("v2");
        pool.Do(new JobProgress("v1", pool.Placement("v1"), 1_000, 1) { SaveMs = 90_000, ReloadMs = 90_000 });
        pool.Now += 30_000;
        pool.Do(new JobProgress("v1", pool.Placement("v1"), 1_000, 2));
        pool.Queue("urgent", priority: 1);
        Assert.Equal("v2", Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Job);
    }

    [Fact]
    public void Gang_LosesTheTimeOfAllItsSlots()
    {
        var pool = new Pool().Node("n1", slots: 3).Queue("gang", workers: 2).Queue("single");
        pool.Start("gang").Start("single");
        pool.Now += 30_000;
        pool.Do(new JobProgress("gang", pool.Placement("gang"), 1_000, 1));
        pool.Pass(15_000);
        // 15 s of two slots against 45 s of one: a slot of the gang's is had for less.
        Assert.Equal((30_000, 45_000), (Preemption.CostMs(pool.State, pool.Job("gang")), Preemption.CostMs(pool.State, pool.Job("single"))));
        pool.Queue("urgent", priority: 1);
        Assert.Equal("gang", Assert.IsType<StopCommand>(Assert.Single(pool.Last)).Job);
    }

    [Fact]
    public void EqualPriority_NeverPreempts()
    {
        var pool = new Pool().Node("n1").Queue("v1", priority: 3).Start("v1").Queue("same", priority: 3);
        Assert.Empty(pool.Last);
    }

    [Fact]
    public void NotPreemptible_IsLeftAlone()
    {
        var pool = new Pool().Node("n1");
        pool.Do(new JobQueued(Pool.Request("v1") with { Preemptible = false }));
        pool.Start("v1").Queue("urgent", priority: 9);
        Assert.Empty(pool.Last);
    }

    [Fact]
    public void PreemptedSlots_GoToTheOneTheyWereFreedFor()
    {
        var pool = new Pool().Node("n1").Queue("v1").Start("v1").Queue("urgent", priority: 1);
        pool.Queue("later", priority: 1, work: 1);
        pool.Release("v1", ReleaseReason.Preempted);
        Assert.Equal(["urgent"], pool.Running);
        Assert.Equal(1, pool.Job("v1").Failures.Preemptions);
        Assert.Equal(0, pool.Job("v1").NotBefore);
    }

    [Fact]
    public void Preemption_OnceUnderWay_IsNotRepeated()
    {
        var pool = new Pool().Node("n1").Node("n2").Queue("v1").Queue("v2").Start("v1").Start("v2").Queue("urgent", priority: 1);
        Assert.Single(pool.Last);
        pool.Queue("x").Node("n3", memory: 1);
        Assert.Single(pool.All.OfType<StopCommand>());
    }

    [Fact]
    public void GangPreemption_StopsNoMoreThanItNeeds()
    {
        var pool = new Pool().Node("n1", slots: 4);
        pool.Queue("v1").Queue("v2").Queue("v3");
        foreach (var job in pool.Running)
            pool.Start(job);
        pool.Queue("gang", workers: 3, priority: 1);
        Assert.Equal(2, pool.Last.OfType<StopCommand>().Count());
        foreach (var stop in pool.Last.OfType<StopCommand>().ToArray())
            pool.Release(stop.Job, ReleaseReason.Preempted);
        Assert.True(pool.Placed("gang"));
    }

    [Fact]
    public void Preemption_WithoutEnoughVictims_StopsNobody()
    {
        var pool = new Pool().Node("n1", slots: 2).Queue("v1").Queue("strong", priority: 5);
        pool.Queue("gang", workers: 2, priority: 3);
        Assert.Empty(pool.All.OfType<StopCommand>());
    }

    [Fact]
    public void PreemptedManyTimes_IsNeverFailed()
    {
        var pool = new Pool().Node("n1").Queue("v1");
        for (var i = 0; i < 100; i++)
        {
            pool.Queue($"u{i}", priority: 1);
            pool.Release("v1", ReleaseReason.Preempted);
            pool.Release($"u{i}", ReleaseReason.Finished);
            Assert.True(pool.Placed("v1"));
        }
        Assert.Equal(100, pool.Job("v1").Failures.Preemptions);
        Assert.Empty(pool.All.OfType<FailCommand>());
    }
}
