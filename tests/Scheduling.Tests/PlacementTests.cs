namespace FineTuneGrid.Scheduling.Tests;

public sealed class PlacementTests
{
    [Fact]
    public void Job_WithFreeSlot_IsGrantedAtOnce()
    {
        var pool = new Pool().Node("n1");
        pool.Queue("j1");
        var grant = Assert.IsType<GrantCommand>(Assert.Single(pool.Last));
        Assert.Equal("j1", grant.Job);
        Assert.Equal([new SlotRef("n1", 0)], grant.Slots);
        Assert.Equal(grant.Placement, pool.Placement("j1"));
    }

    [Fact]
    public void Gang_WithTooFewSlots_TakesNoneAndStartsWholeLater()
    {
        var pool = new Pool().Node("n1").Node("n2");
        pool.Queue("gang", workers: 3);
        Assert.Empty(pool.Last);
        Assert.All(pool.State.Nodes.Values, n => Assert.Null(n.Slots[0].Session));
        pool.Node("n3");
        Assert.Equal(["n1/0", "n2/0", "n3/0"], pool.Slots("gang"));
        Assert.Single(pool.Last);
    }

    [Fact]
    public void Gang_WithOneNodeLargeEnough_StaysOnThatNode()
    {
        var pool = new Pool().Node("n1").Node("n2", slots: 4).Node("n3", slots: 2);
        pool.Queue("gang", workers: 2);
        Assert.Equal(["n3/0", "n3/1"], pool.Slots("gang"));
    }

    [Fact]
    public void Priority_Higher_GoesFirst()
    {
        var pool = new Pool().Node("n1").Queue("busy");
        pool.Queue("low", priority: 0, work: 1_000).Queue("high", priority: 0, work: 9_000_000);
        pool.Do(new PriorityChanged("high", 5));
        pool.Start("busy");
        pool.Do(new PriorityChanged("busy", 9));
        pool.Release("busy", ReleaseReason.Finished);
        Assert.Equal(["high"], pool.Running);
    }

    [Fact]
    public void ShortestRemaining_WithinOrg_GoesFirst()
    {
        var pool = new Pool().Node("n1").Queue("busy").Queue("long", work: 800_000).Queue("short", work: 10_000);
        pool.Release("busy", ReleaseReason.Finished);
        Assert.Equal(["short"], pool.Running);
    }

    [Fact]
    public void LongJob_HavingWaitedLong_GoesBeforeNewShortOnes()
    {
        var pool = new Pool().Node("n1").Queue("busy").Queue("long", work: 800_000);
        pool.Now += 300_000;
        pool.Queue("short", work: 10_000);
        pool.Release("busy", ReleaseReason.Finished);
        Assert.Equal(["long"], pool.Running);
    }

    [Fact]
    public void FairShare_TwoOrgs_ShareSlotsEvenlyWhateverTheirQueues()
    {
        var pool = new Pool();
        for (var i = 0; i < 20; i++)
            pool.Queue($"a{i}", "a");
        for (var i = 0; i < 3; i++)
            pool.Queue($"b{i}", "b");
        pool.Node("n1", slots: 4);
        Assert.Equal(2, pool.State.HoldingsOf("a").Slots);
        Assert.Equal(2, pool.State.HoldingsOf("b").Slots);
    }

    [Fact]
    public void FairShare_WeightTwo_GetsTwiceAsMuch()
    {
        var pool = new Pool();
        pool.Do(new OrgPolicyChanged(new() { Org = "a", Weight = 2 }));
        for (var i = 0; i < 20; i++)
            pool.Queue($"a{i}", "a").Queue($"b{i}", "b");
        pool.Node("n1", slots: 9);
        Assert.Equal(6, pool.State.HoldingsOf("a").Slots);
        Assert.Equal(3, pool.State.HoldingsOf("b").Slots);
    }

    [Fact]
    public void FairShare_OneSlot_AlternatesByServiceHad()
    {
        var pool = new Pool().Node("n1");
        for (var i = 0; i < 4; i++)
            pool.Queue($"a{i}", "a").Queue($"b{i}", "b");
        var order = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            var job = Assert.Single(pool.Running);
            order.Add(job[..1]);
            pool.Now += 60_000;
            pool.Release(job, ReleaseReason.Finished);
        }
        Assert.Equal("ababab", string.Concat(order));
    }

    [Fact]
    public void Quota_Reached_LeavesSlotsToOthers()
    {
        var pool = new Pool();
        pool.Do(new OrgPolicyChanged(new() { Org = "a", MaxSlots = 2 }));
        pool.Node("n1", slots: 4);
        pool.Queue("a1").Queue("a2").Queue("a3").Queue("b1", "b");
        Assert.Equal(["a1", "a2", "b1"], pool.Running);
        Assert.Equal(WaitCodes.QuotaReached, Scheduler.Explain(pool.State, "a3")[0].Code);
        pool.Release("a1", ReleaseReason.Finished);
        Assert.True(pool.Placed("a3"));
    }

    [Fact]
    public void HeldQueue_StartsNothingUntilReleased()
    {
        var pool = new Pool();
        pool.Do(new QueuePolicyChanged(new() { Queue = "default", Held = true }));
        pool.Node("n1").Queue("j");
        Assert.Empty(pool.Running);
        Assert.Equal(WaitCodes.QueueHeld, Scheduler.Explain(pool.State, "j")[0].Code);
        pool.Do(new QueuePolicyChanged(new() { Queue = "default" }));
        Assert.Equal(["j"], pool.Running);
    }

    [Fact]
    public void Affinity_SlotWithTheBaseLoaded_IsPreferred()
    {
        var pool = new Pool().Node("n1").Node("n2").Node("n3");
        pool.Do(new NodeLeaseRenewed("n3", 1, pool.Now + 4_000_000_000) { Resident = [["base-x"]] });
        pool.Queue("j", digest: "base-x");
        Assert.Equal(["n3/0"], pool.Slots("j"));
    }

    [Fact]
    public void Affinity_AfterARun_RemembersTheBase()
    {
        var pool = new Pool().Node("n1").Node("n2");
        pool.Queue("first", digest: "base-y").Queue("second", digest: "base-x");
        pool.Start("first").Start("second");
        pool.Release("first", ReleaseReason.Finished);
        pool.Release("second", ReleaseReason.Finished);
        pool.Queue("third", digest: "base-x");
        Assert.Equal(["n2/0"], pool.Slots("third"));
    }

    [Fact]
    public void Packing_SameKey_SharesOneSessionUpToItsCapacity()
    {
        var pool = new Pool().Node("n1", maxJobs: 2).Node("n2", maxJobs: 2);
        pool.Queue("j1", key: "k").Queue("j2", key: "k").Queue("j3", key: "k").Queue("other", key: "z");
        Assert.Equal(pool.Job("j1").Placement!.Session, pool.Job("j2").Placement!.Session);
        Assert.Equal(["n2/0"], pool.Slots("j3"));
        Assert.False(pool.Placed("other"));
    }

    [Fact]
    public void Packing_MemoryOfTheBase_CountsOnce()
    {
        // A base of 1 GiB and 1 GiB a job: three jobs fit into 4 GiB.
        var pool = new Pool().Node("n1", memory: 4 * Pool.Gib);
        pool.Queue("j1", key: "k").Queue("j2", key: "k").Queue("j3", key: "k").Queue("j4", key: "k");
        Assert.Equal(["j1", "j2", "j3"], pool.Running);
    }

    [Fact]
    public void Packing_OtherOrganisation_OnlyWhereAllowed()
    {
        var strict = new Pool().Node("n1").Queue("j1", "a", key: "k").Queue("j2", "b", key: "k");
        Assert.Equal(["j1"], strict.Running);
        var mixed = new Pool(new() { MixOrganisations = true }).Node("n1").Queue("j1", "a", key: "k").Queue("j2", "b", key: "k");
        Assert.Equal(["j1", "j2"], mixed.Running);
    }

    [Fact]
    public void Session_LastMemberOut_FreesTheSlot()
    {
        var pool = new Pool().Node("n1").Queue("j1", key: "k").Queue("j2", key: "k");
        pool.Release("j1", ReleaseReason.Finished);
        Assert.NotNull(pool.State.Nodes["n1"].Slots[0].Session);
        pool.Release("j2", ReleaseReason.Finished);
        Assert.Null(pool.State.Nodes["n1"].Slots[0].Session);
        Assert.Empty(pool.State.Sessions);
    }

    [Fact]
    public void BestFit_SmallestSlotThatIsEnough_IsTaken()
    {
        var pool = new Pool().Node("big", memory: 64 * Pool.Gib).Node("mid", memory: 8 * Pool.Gib).Node("tiny", memory: Pool.Gib);
        pool.Queue("j");
        Assert.Equal(["mid/0"], pool.Slots("j"));
    }
}
