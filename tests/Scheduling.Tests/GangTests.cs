namespace FineTuneGrid.Scheduling.Tests;

/// <summary>Gangs that make do with fewer slots than they ask for.</summary>
public sealed class GangTests
{
    private static JobRequest Gang(string id, int workers, int least, int priority = 0) => Pool.Request(id, priority: priority, workers: workers) with { MinWorkers = least };

    [Fact]
    public void Elastic_FewerSlotsFree_StartsWithWhatIsFree()
    {
        var pool = new Pool().Node("n1", slots: 3).Queue("busy");
        pool.Do(new JobQueued(Gang("gang", workers: 4, least: 2)));
        Assert.Equal(["n1/1", "n1/2"], pool.Slots("gang"));
    }

    [Fact]
    public void Elastic_BelowItsLeast_WaitsAndSaysFor()
    {
        var pool = new Pool().Node("n1", slots: 2).Queue("busy");
        pool.Do(new JobQueued(Gang("gang", workers: 4, least: 2)));
        Assert.False(pool.Placed("gang"));
        var why = Scheduler.Explain(pool.State, "gang")[0];
        Assert.Equal(WaitCodes.WaitingForSlots, why.Code);
        Assert.Contains("at least 2 slots", why.Text);
        pool.Release("busy", ReleaseReason.Finished);
        Assert.Equal(2, pool.Slots("gang").Length);
    }

    [Fact]
    public void Elastic_AWorkerLost_ShrinksAndAtTheNextPlacementGrows()
    {
        var pool = new Pool(new SchedulerOptions { LeaseGraceMs = 0, BackoffBaseMs = 1 }).Node("n1", slots: 2);
        pool.Do(new NodeRegistered("n2", 1, pool.Now + 1_000, [.. Enumerable.Repeat(new SlotSpec(SlotDevice.Cpu, 16 * Pool.Gib, 2), 2)]));
        pool.Do(new JobQueued(Gang("gang", workers: 4, least: 1)));
        Assert.Equal(4, pool.Slots("gang").Length);
        pool.Start("gang").Pass(2_000);
        Assert.Equal(StopReason.NodeLost, Assert.Single(pool.Last.OfType<StopCommand>()).Reason);
        pool.Release("gang", ReleaseReason.Lost);
        pool.Pass(10);
        Assert.Equal(["n1/0", "n1/1"], pool.Slots("gang"));
        pool.Do(new NodeRegistered("n2", 2, pool.Now + 60_000, [.. Enumerable.Repeat(new SlotSpec(SlotDevice.Cpu, 16 * Pool.Gib, 2), 2)]));
        Assert.Equal(2, pool.Slots("gang").Length);
        pool.Start("gang").Release("gang", ReleaseReason.Preempted);
        Assert.Equal(4, pool.Slots("gang").Length);
    }

    [Fact]
    public void Rigid_AWorkerLost_WaitsForAllItsSlots()
    {
        var pool = new Pool(new SchedulerOptions { LeaseGraceMs = 0, BackoffBaseMs = 1 }).Node("n1");
        pool.Do(new NodeRegistered("n2", 1, pool.Now + 1_000, [new SlotSpec(SlotDevice.Cpu, 16 * Pool.Gib, 2)]));
        pool.Queue("gang", workers: 2).Start("gang").Pass(2_000);
        pool.Release("gang", ReleaseReason.Lost);
        pool.Pass(10);
        Assert.False(pool.Placed("gang"));
        Assert.Equal(WaitCodes.NodesUnavailable, Scheduler.Explain(pool.State, "gang")[0].Code);
    }

    [Fact]
    public void Elastic_AtItsQuota_TakesNoMoreThanIsLeft()
    {
        var pool = new Pool().Node("n1", slots: 4);
        pool.Do(new OrgPolicyChanged(new OrgPolicy { Org = "a", MaxSlots = 3 }));
        pool.Do(new JobQueued(Gang("gang", workers: 4, least: 2)));
        Assert.Equal(3, pool.Slots("gang").Length);
    }

    [Fact]
    public void Elastic_HigherPriority_StopsNoMoreThanItsLeastNeeds()
    {
        var pool = new Pool().Node("n1", slots: 3).Queue("v1").Queue("v2").Queue("v3");
        foreach (var job in pool.Running)
            pool.Start(job);
        pool.Do(new JobQueued(Gang("gang", workers: 3, least: 2, priority: 1)));
        var stops = pool.Last.OfType<StopCommand>().ToArray();
        Assert.Equal(2, stops.Length);
        foreach (var stop in stops)
            pool.Release(stop.Job, ReleaseReason.Preempted);
        Assert.Equal(2, pool.Slots("gang").Length);
    }
}
