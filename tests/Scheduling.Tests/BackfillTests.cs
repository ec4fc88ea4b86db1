namespace FineTuneGrid.Scheduling.Tests;

public sealed class BackfillTests
{
    private static Pool WithWaitingGang()
    {
        // Two of three slots are busy for ten minutes; the gang needs all three.
        var pool = new Pool().Node("n1", slots: 3);
        pool.Queue("b1", work: 600_000).Queue("b2", work: 600_000);
        pool.Queue("gang", workers: 3, work: 60_000);
        return pool;
    }

    [Fact]
    public void ShortJob_EndingBeforeTheGangStarts_SlipsIn()
    {
        var pool = WithWaitingGang();
        pool.Queue("short", work: 60_000);
        Assert.True(pool.Placed("short"));
    }

    [Fact]
    public void LongJob_ThatWouldDelayTheGang_Waits()
    {
        var pool = WithWaitingGang();
        pool.Queue("long", work: 6_000_000);
        Assert.False(pool.Placed("long"));
        Assert.Contains(Scheduler.Explain(pool.State, "long"), r => r.Code == WaitCodes.ReservedForOther && r.Blockers.Contains("gang"));
    }

    [Fact]
    public void ShortJob_BehindALongOneOfItsKind_StillSlipsIn()
    {
        var pool = WithWaitingGang();
        pool.Queue("long", work: 6_000_000);
        pool.Queue("short", work: 60_000);
        Assert.True(pool.Placed("short"));
        Assert.False(pool.Placed("long"));
    }

    [Fact]
    public void Gang_AmidAnEndlessStreamOfShortJobs_StartsWithinItsPatience()
    {
        var options = new SchedulerOptions();
        var pool = new Pool(options);
        pool.Node("n1", slots: 4);
        for (var i = 0; i < 4; i++)
            pool.Queue($"s{i}", work: 1_000);
        pool.Queue("gang", workers: 4, work: 60_000);
        var waited = 0L;
        for (var i = 4; !pool.Placed("gang"); i++)
        {
            // Each short job lasts 60 times longer than it says, and another comes at once.
            pool.Pass(15_000);
            waited += 15_000;
            pool.Queue($"s{i}", work: 1_000);
            if (pool.Running.FirstOrDefault(j => pool.Now - pool.Job(j).Placement!.GrantedAt >= 60_000) is { } done)
                pool.Release(done, ReleaseReason.Finished);
            Assert.True(waited < options.BackfillPatienceMs + 300_000, "The gang starves.");
        }
    }

    [Fact]
    public void JoinersOfASharedSession_DoNotStarveAJobThatNeedsTheSlot()
    {
        var pool = new Pool().Node("n1", maxJobs: 4).Queue("m0", key: "k", work: 60_000);
        pool.Queue("solo", work: 60_000);
        var waited = 0L;
        for (var i = 1; !pool.Placed("solo"); i++)
        {
            pool.Queue($"m{i}", key: "k", work: 1_000);
            pool.Pass(60_000);
            waited += 60_000;
            foreach (var done in pool.Running.Where(j => j != "solo" && pool.Now - pool.Job(j).Placement!.GrantedAt >= 120_000).ToArray())
                pool.Release(done, ReleaseReason.Finished);
            Assert.True(waited < 1_200_000, "Joiners keep the session alive for ever.");
        }
    }

    [Fact]
    public void Reservation_OfAJobThatLeaves_IsGivenUp()
    {
        var pool = WithWaitingGang();
        pool.Queue("long", work: 6_000_000);
        pool.Do(new JobCancelled("gang"));
        Assert.True(pool.Placed("long"));
        Assert.Empty(pool.State.Reservations);
    }
}
