using FineTuneGrid.Contracts;

namespace FineTuneGrid.Scheduling.Tests;

public sealed class FailureTests
{
    [Fact]
    public void UserError_FailsAtOnceWithItsCode()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Do(new JobReleased("j", pool.Placement("j"), ReleaseReason.Failed) { Kind = FailureKind.UserError, Code = ErrorCodes.EmptyDataset, Message = "no rows" });
        var fail = Assert.Single(pool.Last.OfType<FailCommand>());
        Assert.Equal((ErrorCodes.EmptyDataset, "no rows"), (fail.Code, fail.Why));
    }

    [Theory]
    [InlineData(ReleaseReason.Lost, FailureKind.None, 20)]
    [InlineData(ReleaseReason.Failed, FailureKind.TrainerCrash, 5)]
    [InlineData(ReleaseReason.Failed, FailureKind.Configuration, 2)]
    [InlineData(ReleaseReason.Failed, FailureKind.Transient, 50)]
    public void Budget_EachKind_AllowsItsOwnNumberOfRestarts(ReleaseReason reason, FailureKind kind, int budget)
    {
        var pool = new Pool().Node("n1").Queue("j");
        for (var i = 0; i < budget; i++)
        {
            pool.Start("j").Release("j", reason, kind);
            Assert.Empty(pool.All.OfType<FailCommand>());
            pool.Pass(pool.State.Options.BackoffMaxMs);
        }
        pool.Start("j").Release("j", reason, kind);
        Assert.Single(pool.Last.OfType<FailCommand>());
        Assert.Equal(JobPhase.Failed, pool.Job("j").Phase);
    }

    [Fact]
    public void Budgets_AreSeparate()
    {
        var pool = new Pool().Node("n1").Queue("j");
        for (var i = 0; i < 5; i++)
        {
            pool.Start("j").Crash("j");
            pool.Pass(300_000);
            pool.Start("j").Release("j", ReleaseReason.Lost);
            pool.Pass(300_000);
        }
        Assert.Equal((5, 5), (pool.Job("j").Failures.Crashes, pool.Job("j").Failures.NodeLosses));
        Assert.True(pool.Placed("j"));
    }

    [Fact]
    public void Backoff_DoublesAndIsBounded()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Release("j", ReleaseReason.Lost);
        Assert.True(pool.Placed("j"));
        var waits = new List<long>();
        for (var i = 0; i < 12; i++)
        {
            pool.Start("j").Release("j", ReleaseReason.Lost);
            var retry = Assert.Single(pool.Last.OfType<RetryAtCommand>());
            waits.Add(retry.At - pool.Now);
            pool.Pass(waits[^1] - 1);
            Assert.False(pool.Placed("j"));
            pool.Pass(1);
            Assert.True(pool.Placed("j"));
        }
        Assert.Equal([2_000, 4_000, 8_000, 16_000], waits.Take(4));
        Assert.Equal(300_000, waits[^1]);
    }

    [Theory]
    [InlineData(ReleaseReason.Lost, FailureKind.None, true)]
    [InlineData(ReleaseReason.Failed, FailureKind.TrainerCrash, true)]
    [InlineData(ReleaseReason.Failed, FailureKind.Configuration, false)]
    [InlineData(ReleaseReason.Failed, FailureKind.Transient, false)]
    [InlineData(ReleaseReason.Refused, FailureKind.None, false)]
    public void FirstRetry_AfterACrashOrALostNode_GoesAtOnce(ReleaseReason reason, FailureKind kind, bool atOnce)
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Release("j", reason, kind);
        Assert.Equal(atOnce, pool.Placed("j"));
        pool.Pass(2_000);
        Assert.True(pool.Placed("j"));
        pool.Start("j").Release("j", reason, kind);
        Assert.False(pool.Placed("j"));
    }

    [Fact]
    public void Verdict_IsRepeatedUntilTheJobHasClosed()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Release("j", ReleaseReason.Failed, FailureKind.UserError);
        pool.Pass(pool.State.Options.ResendMs);
        Assert.Single(pool.Last.OfType<FailCommand>());
        pool.Do(new JobClosed("j"));
        Assert.Empty(pool.State.Jobs);
        Assert.Empty(pool.Pass(60_000));
    }

    [Fact]
    public void SharedCrash_ChargesNobodyAndSeparatesTheMembers()
    {
        var pool = new Pool().Node("n1").Queue("a", key: "k").Queue("b", key: "k").Queue("c", key: "k");
        pool.Start("a").Start("b").Start("c");
        pool.Crash("b");
        Assert.Equal(["a", "c"], pool.Last.OfType<StopCommand>().Select(s => s.Job));
        pool.Crash("a");
        pool.Release("c", ReleaseReason.Preempted);
        Assert.All(pool.State.Jobs.Values, j => Assert.Equal(0, j.Failures.Crashes));
        Assert.Equal(3, pool.State.Jobs.Values.Select(j => j.Isolation).Distinct().Count());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void Culprit_AmongMembers_IsFoundAndOnlyItIsCharged(int members)
    {
        var pool = new Pool(new() { StrikesToQuarantine = 1000 }).Node("n1");
        for (var i = 0; i < members; i++)
            pool.Queue($"j{i}", key: "k");
        const string Culprit = "j1";
        for (var round = 0; round < 200 && pool.State.Jobs.Count > 0; round++)
        {
            foreach (var id in pool.Running)
                pool.Start(id);
            // The culprit's session crashes at once; what runs without it finishes.
            if (pool.Placed(Culprit))
            {
                var session = pool.Job(Culprit).Placement!.Session;
                string[] all = [.. pool.State.Sessions[session].Members.Select(m => m.Job)];
                foreach (var id in all)
                    pool.Crash(id);
            }
            foreach (var id in pool.Running.Where(id => id != Culprit && pool.Job(id).Placement!.State == PlacementState.Running).ToArray())
                pool.Release(id, ReleaseReason.Finished);
            foreach (var fail in pool.All.OfType<FailCommand>().ToArray())
                pool.Do(new JobClosed(fail.Job));
            pool.Pass(300_000);
        }
        Assert.Equal([Culprit], pool.All.OfType<FailCommand>().Select(f => f.Job));
        Assert.Empty(pool.State.Jobs);
        Assert.Empty(pool.State.Sessions);
    }

    [Fact]
    public void Suspect_CommittingBeyondTheCrash_MayShareAgain()
    {
        var pool = new Pool().Node("n1").Node("n2").Queue("a", key: "k").Queue("b", key: "k").Start("a").Start("b");
        pool.Crash("a");
        pool.Crash("b");
        pool.Pass(10_000);
        Assert.NotEqual(pool.Job("a").Placement!.Session, pool.Job("b").Placement!.Session);
        pool.Start("a");
        pool.Do(new JobProgress("a", pool.Placement("a"), 1_000, 5));
        Assert.Equal("", pool.Job("a").Isolation);
    }

    [Fact]
    public void SharedCrashes_Repeated_EndInASessionOfItsOwn()
    {
        var pool = new Pool(new() { StrikesToQuarantine = 1000 }).Node("n1").Queue("a", key: "k").Queue("b", key: "k");
        for (var i = 0; i < pool.State.Options.MaxSharedCrashes; i++)
        {
            foreach (var id in pool.Running)
                pool.Start(id);
            pool.Crash("a");
            pool.Crash("b");
            for (var each = 0; each < 2; each++)
            {
                // Alone each of them is well and clears itself; together they crash again.
                pool.Pass(300_000);
                foreach (var id in pool.Running)
                {
                    pool.Start(id);
                    pool.Do(new JobProgress(id, pool.Placement(id), 1_000, i + 1));
                    pool.Release(id, ReleaseReason.Preempted);
                }
            }
        }
        Assert.All(pool.State.Jobs.Values, j => Assert.True(j.Solo));
        Assert.Single(pool.Running);
        Assert.Empty(pool.All.OfType<FailCommand>());
    }

    [Fact]
    public void Node_WhereSeveralJobsCrash_IsQuarantinedForATime()
    {
        var pool = new Pool().Node("n1");
        for (var i = 0; i < 3; i++)
        {
            pool.Queue($"j{i}").Start($"j{i}").Crash($"j{i}");
            pool.Do(new JobCancelled($"j{i}"));
            if (pool.State.Jobs.ContainsKey($"j{i}"))
                pool.Release($"j{i}", ReleaseReason.Cancelled);
        }
        var quarantine = Assert.Single(pool.All.OfType<QuarantineCommand>());
        pool.Queue("next");
        Assert.False(pool.Placed("next"));
        Assert.Equal(WaitCodes.NodesUnavailable, Scheduler.Explain(pool.State, "next")[0].Code);
        pool.Pass(quarantine.Until - pool.Now);
        Assert.True(pool.Placed("next"));
    }

    [Fact]
    public void Node_WhereOneJobCrashesAgainAndAgain_IsNotQuarantined()
    {
        var pool = new Pool().Node("n1").Queue("j");
        for (var i = 0; i < 5; i++)
        {
            pool.Start("j").Crash("j");
            pool.Pass(300_000);
        }
        Assert.Empty(pool.All.OfType<QuarantineCommand>());
    }

    [Fact]
    public void CrashedJob_AvoidsTheNodeWhereAnotherWillDo()
    {
        var pool = new Pool().Node("n1").Node("n2").Queue("j").Start("j");
        Assert.Equal(["n1/0"], pool.Slots("j"));
        pool.Crash("j");
        pool.Pass(10_000);
        Assert.Equal(["n2/0"], pool.Slots("j"));
    }

    [Fact]
    public void LongHealthyRun_ClearsTheCounters()
    {
        var pool = new Pool().Node("n1").Queue("j").Start("j");
        pool.Crash("j");
        pool.Pass(10_000);
        pool.Start("j");
        pool.Now += pool.State.Options.HealthyRunMs;
        pool.Do(new JobProgress("j", pool.Placement("j"), 1_000, 5));
        Assert.Equal(0, pool.Job("j").Failures.Crashes);
    }
}
