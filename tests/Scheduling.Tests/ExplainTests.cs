namespace FineTuneGrid.Scheduling.Tests;

public sealed class ExplainTests
{
    private static WaitReason First(Pool pool, string id) => Scheduler.Explain(pool.State, id)[0];

    [Fact]
    public void NoDevice_NamesTheDevice()
    {
        var pool = new Pool().Node("n1");
        pool.Do(new JobQueued(Pool.Request("j", device: SlotDevice.Cuda)));
        Assert.Equal(WaitCodes.NoDevice, First(pool, "j").Code);
        Assert.Contains("cuda", First(pool, "j").Text);
        pool.Node("gpu", device: SlotDevice.Cuda);
        Assert.True(pool.Placed("j"));
    }

    [Fact]
    public void NoMemory_SaysHowMuchThereIs_AndThatMuchStarts()
    {
        var pool = new Pool().Node("n1", memory: 4 * Pool.Gib);
        pool.Do(new JobQueued(Pool.Request("j", memory: 7 * Pool.Gib)));
        Assert.Equal(WaitCodes.NoMemory, First(pool, "j").Code);
        Assert.Contains("4 GiB", First(pool, "j").Counterfactual);
        pool.Do(new JobQueued(Pool.Request("k", memory: 3 * Pool.Gib)));
        Assert.True(pool.Placed("k"));
    }

    [Fact]
    public void NoLabels_NamesThem()
    {
        var pool = new Pool().Node("n1", label: "red");
        pool.Do(new JobQueued(Pool.Request("j") with { Labels = new Dictionary<string, string> { ["kind"] = "blue" } }));
        Assert.Equal(WaitCodes.NoLabels, First(pool, "j").Code);
        Assert.Contains("kind=blue", First(pool, "j").Text);
        pool.Node("n2", label: "blue");
        Assert.Equal(["n2/0"], pool.Slots("j"));
    }

    [Fact]
    public void TooFewSlots_SaysWithHowManyWorkersItWouldStart()
    {
        var pool = new Pool().Node("n1", slots: 2).Queue("j", workers: 4);
        var reason = First(pool, "j");
        Assert.Equal((WaitCodes.TooFewSlots, 4, 2), (reason.Code, reason.Needed, reason.Free));
        pool.Queue("k", workers: reason.Free!.Value);
        Assert.True(pool.Placed("k"));
    }

    [Fact]
    public void WaitingForSlots_CountsFreeAndNamesWhoHoldsThem()
    {
        var pool = new Pool().Node("n1", slots: 2).Queue("busy", work: 60_000).Queue("j", workers: 2);
        var reason = First(pool, "j");
        Assert.Equal((WaitCodes.WaitingForSlots, 2, 1), (reason.Code, reason.Needed, reason.Free));
        Assert.Equal(["busy"], reason.Blockers);
        Assert.Equal(pool.Now + 60_000, reason.Until);
        Assert.Contains("1 worker", reason.Counterfactual);
    }

    [Fact]
    public void WaitingForSlots_NamesThePriorityThatWouldDo_AndItDoes()
    {
        var pool = new Pool().Node("n1").Queue("busy", priority: 3).Start("busy").Queue("j");
        Assert.Contains("priority 4", First(pool, "j").Counterfactual);
        pool.Do(new PriorityChanged("j", 4));
        Assert.Equal("busy", Assert.Single(pool.Last.OfType<StopCommand>()).Job);
        Assert.Equal(WaitCodes.WaitingForPreempted, First(pool, "j").Code);
        Assert.Equal(WaitCodes.Stopping, First(pool, "busy").Code);
    }

    [Fact]
    public void Behind_CountsTheJobsThatGoFirst()
    {
        var pool = new Pool().Node("n1").Queue("busy");
        pool.Queue("a1", work: 1_000).Queue("a2", work: 2_000).Queue("a3", work: 3_000).Queue("up", priority: 2);
        var behind = Assert.Single(Scheduler.Explain(pool.State, "a3"), r => r.Code == WaitCodes.Behind);
        Assert.Equal(3, behind.Ahead);
        Assert.Equal(["up", "a1", "a2"], behind.Blockers);
    }

    [Fact]
    public void BackingOff_SaysUntilWhenAndWhy()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Crash("j");
        // The first retry goes at once.
        pool.Start("j").Crash("j");
        var reason = First(pool, "j");
        Assert.Equal((WaitCodes.BackingOff, pool.Now + 2_000), (reason.Code, reason.Until));
        Assert.Contains("crashed", reason.Text);
    }

    [Fact]
    public void DrainedNodes_AreNamed_AndUndrainingStartsIt()
    {
        var pool = new Pool().Node("n1");
        pool.Do(new NodeDrain("n1"));
        pool.Queue("j");
        Assert.Equal(WaitCodes.NodesUnavailable, First(pool, "j").Code);
        Assert.Contains("n1 (draining)", First(pool, "j").Text);
        pool.Do(new NodeUndrain("n1"));
        Assert.True(pool.Placed("j"));
    }

    [Fact]
    public void PausedRunningAndUnknown_HaveTheirAnswers()
    {
        var pool = new Pool().Node("n1").Queue("j");
        Assert.Equal(WaitCodes.Starting, First(pool, "j").Code);
        pool.Start("j");
        Assert.Empty(Scheduler.Explain(pool.State, "j"));
        pool.Do(new JobPaused("j"));
        pool.Release("j", ReleaseReason.Paused);
        Assert.Equal(WaitCodes.Paused, First(pool, "j").Code);
        Assert.Equal(WaitCodes.UnknownJob, First(pool, "nobody").Code);
    }
}
