using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Nodes;
using FineTuneGrid.Grains.Tests.Support;

namespace FineTuneGrid.Grains.Tests;

/// <summary>The machine with several workers: three, of which the last is on a node of its own.</summary>
public sealed class GangMachineTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly JobPolicy Policy = new(TimeSpan.FromMinutes(2));
    private static readonly PlacementGrant Grant = new("p1", "n1", 0, "s1", [new WorkerSlot("n1", 1), new WorkerSlot("n2", 0)]);
    private static readonly GridError Crash = new(ErrorCodes.TrainerCrashed, "gone");
    private static readonly GridError Broken = NodeRules.EndOf(new SessionEnded(TrainerProtocol.GangBrokenExitCode, null, [], ""));

    [Fact]
    public void Meeting_OfTheFirst_StartsTheOthersOnce()
    {
        var starting = Starting();
        Assert.Empty(starting.Outbox);
        Assert.Equal([0], starting.Placement!.Present);

        var met = Decide(starting, Meeting());

        Assert.Equal([1, 2], met.Outbox.OfType<StartWorkerEffect>().Select(e => e.Rank));
        Assert.Equal("10.0.0.7:4000", met.Placement!.Meeting);
        Assert.Same(met, Decide(met, Meeting()));
        Assert.Same(starting, Decide(starting, new Reported("s1.1", new JobMeeting("j", 1, "10.0.0.7", 4000))));
        Assert.Same(starting, Decide(starting, new Reported("s1", new JobMeeting("j", 9, "10.0.0.7", 4000))));
    }

    [Fact]
    public void Orders_OfTheWorkers_SayWhichTheyAreAndWhereTheyMeet()
    {
        var state = Running();

        Assert.Equal(new GangMembership(0, 3), JobViews.WorkerOrder(state, state.Placement!, 0).Gang);
        Assert.Equal(new GangMembership(2, 3, "10.0.0.7:4000"), JobViews.WorkerOrder(state, state.Placement!, 2).Gang);
        Assert.Null(JobViews.Order(state).Gang);
        Assert.Equal([("n1", "s1"), ("n1", "s1.1"), ("n2", "s1.2")], JobViews.Standing(state).Sessions!.Select(s => (s.NodeId, s.SessionId)));
    }

    [Fact]
    public void Meeting_OnAnIpv6Address_IsWrittenWithBrackets() =>
        Assert.Equal("[fd00::7]:4000", Decide(Starting(), new Reported("s1", new JobMeeting("j", 1, "fd00::7", 4000))).Placement!.Meeting);

    [Fact]
    public void Progress_OfOthersThanTheFirst_CountsNothing()
    {
        var state = Running();

        Assert.Same(state, Decide(state, new Reported("s1.1", new JobAttached("j", 1, 0, []))));
        Assert.Same(state, Decide(state, new Reported("s1.2", new JobCommitted("j", 1, 5, 5, "m", "a", "o", 1))));
        Assert.Same(state, Decide(state, new Reported("s1.3", new JobDetached("j", 1, "x", 5))));
        Assert.Equal(5, Decide(state, new Reported("s1", new JobCommitted("j", 1, 5, 5, "m", "a", "o", 1))).Progress.CommittedStep);
    }

    [Fact]
    public void Finished_PublishesWhenAllAreGone()
    {
        var finished = Decide(Running(), new Reported("s1", new JobFinished("j", 1, "m", FakeAgent.Result())));
        Assert.Equal(JobStatus.Running, finished.Status);
        Assert.Empty(finished.Outbox);
        Assert.True(JobViews.Standing(finished).Ending);
        Assert.False(JobMachine.MayStart(finished, Grant));

        var one = Decide(finished, Left(1));
        Assert.Same(one, Decide(one, Left(1)));
        var all = Decide(one, new Lost(1, "s1.2", Crash));

        Assert.Equal(JobStatus.Publishing, all.Status);
        Assert.Null(all.Placement);
        Assert.Equal(ReleaseKind.Finished, Assert.Single(all.Outbox.OfType<ReleaseEffect>()).Release.Kind);
        Assert.Single(all.Outbox.OfType<PublishEffect>());
    }

    [Fact]
    public void Finished_WithAWorkerThatStays_IsStoppedAndThenKilled()
    {
        var finished = Decide(Running(), new Reported("s1", new JobFinished("j", 1, "m", FakeAgent.Result())));
        var asked = JobMachine.Decide(finished, new StopAsked("p1", StopReasons.GangBroken, []), Policy, Now.AddSeconds(15));
        Assert.Equal(["s1.1", "s1.2"], asked.Outbox.OfType<StopTrainerEffect>().Select(e => e.SessionId));

        var late = JobMachine.Decide(Clean(asked), new StopAsked("p1", StopReasons.GangBroken, []), Policy, Now.AddMinutes(3));

        Assert.Equal(["s1.1", "s1.2"], late.Outbox.OfType<KillSessionEffect>().Select(e => e.SessionId));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void AWorkerThatCrashes_TakesTheOthersWithIt(int rank)
    {
        var broken = Decide(Running(), new Lost(1, GangSessions.Of("s1", rank), Crash));

        Assert.Equal(JobStatus.Preempting, broken.Status);
        Assert.Equal(Enumerable.Range(0, 3).Where(r => r != rank), broken.Placement!.Present);
        Assert.Equal(broken.Placement.Present.Select(broken.Placement.SessionOf), broken.Outbox.OfType<StopTrainerEffect>().Select(e => e.SessionId));
        Assert.All(broken.Outbox.OfType<StopTrainerEffect>(), e => Assert.False(e.Checkpoint));
        Assert.Empty(broken.Outbox.OfType<ReleaseEffect>());
        var over = broken;
        foreach (var other in broken.Placement.Present.ToArray())
            over = Decide(over, new Lost(1, GangSessions.Of("s1", other), Broken));

        Assert.Equal(JobStatus.Queued, over.Status);
        Assert.Equal(ReleaseKind.TrainerCrash, Assert.Single(over.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void AGangThatBroke_IsChargedToTheWorkerThatBrokeIt()
    {
        var state = Decide(Running(), new Lost(1, "s1", Broken));
        state = Decide(state, new Lost(1, "s1.2", Crash));
        state = Decide(state, Left(1));
        Assert.Equal(ReleaseKind.TrainerCrash, Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.Kind);

        var nobody = Running();
        foreach (var rank in new[] { 1, 0, 2 })
            nobody = Decide(nobody, new Lost(1, GangSessions.Of("s1", rank), Broken));
        Assert.Equal(ReleaseKind.Transient, Assert.Single(nobody.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void BeforeTheMeeting_TheFirstIsAllThereIs()
    {
        var over = Decide(Starting(), new Lost(1, "s1", Crash));

        Assert.Equal(JobStatus.Queued, over.Status);
        Assert.Null(over.Placement);
        Assert.Same(over, Decide(over, Meeting()));
    }

    [Fact]
    public void ALostNode_FencesAndWaitsForTheWorkersOfTheOthers()
    {
        var lost = Decide(Running(), new StopAsked("p1", StopReasons.NodeLost, ["n2"]));

        Assert.Equal(2, lost.Epoch);
        Assert.Equal(2, Assert.Single(lost.Outbox.OfType<FenceEffect>()).Epoch);
        Assert.Equal([0, 1], lost.Placement!.Present);
        Assert.Equal("s1.2", Assert.Single(lost.Outbox.OfType<KillSessionEffect>()).SessionId);
        Assert.Equal(["s1.2", "s1", "s1.1"], lost.Outbox.OfType<StopTrainerEffect>().Select(e => e.SessionId));
        var over = Decide(Decide(lost, Left(1)), Left(0));

        Assert.Equal(JobStatus.Queued, over.Status);
        Assert.Equal(ReleaseKind.NodeLost, Assert.Single(over.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void AllNodesLost_EndTheRunAtOnce()
    {
        var over = Decide(Running(), new StopAsked("p1", StopReasons.NodeLost, ["n1", "n2"]));

        Assert.Equal(JobStatus.Queued, over.Status);
        Assert.Equal(2, over.Epoch);
    }

    [Fact]
    public void ANodeLost_WhileTheGangIsToLeave_IsNotWaitedFor()
    {
        var leaving = Clean(Decide(Running(), new StopAsked("p1", StopReasons.Preempted, [])));
        var gone = Decide(Decide(leaving, Left(0)), Left(1));
        Assert.NotNull(gone.Placement);

        var over = Decide(gone, new StopAsked("p1", StopReasons.Preempted, ["n2"]));

        Assert.Equal(JobStatus.Queued, over.Status);
    }

    [Fact]
    public void AMachineThatForgotItsWorker_LeadsToAStopOfAll()
    {
        var state = Decide(Running(), new StopAsked("p1", StopReasons.NodeLost, []));
        Assert.Equal(3, state.Outbox.OfType<StopTrainerEffect>().Count());
        foreach (var rank in new[] { 2, 1, 0 })
            state = Decide(state, new Lost(1, GangSessions.Of("s1", rank), new GridError(ErrorCodes.Unavailable, "not here")));

        Assert.Equal(ReleaseKind.NodeLost, Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void Preempted_TheFirstTakesAllOutWithItsCommit()
    {
        var leaving = Decide(Running(), new StopAsked("p1", StopReasons.Preempted, []));
        var stop = Assert.Single(leaving.Outbox.OfType<StopTrainerEffect>());
        Assert.Equal(("s1", true), (stop.SessionId, stop.Checkpoint));

        var first = Decide(Clean(leaving), new Reported("s1", new JobDetached("j", 1, "preempted", 7)));
        Assert.Equal(["s1.1", "s1.2"], first.Outbox.OfType<StopTrainerEffect>().Select(e => e.SessionId));
        var over = Decide(Decide(first, new Lost(1, "s1.1", Broken)), Left(2));

        Assert.Equal(7, over.Progress.CommittedStep);
        Assert.Equal(ReleaseKind.Preempted, Assert.Single(over.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void Paused_RestsWhenAllAreGone()
    {
        var pausing = Decide(Running(), new PauseAsked());
        foreach (var rank in new[] { 0, 1 })
            pausing = Decide(pausing, Left(rank));
        Assert.Equal(JobStatus.Pausing, pausing.Status);

        var paused = Decide(pausing, Left(2));

        Assert.Equal(JobStatus.Paused, paused.Status);
        Assert.Equal(ReleaseKind.Paused, Assert.Single(paused.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void Cancelled_HoldsTheSlotsUntilAllAreGone()
    {
        var state = Decide(Running(), new CancelAsked());
        Assert.Equal(3, state.Outbox.OfType<StopTrainerEffect>().Count());
        foreach (var rank in new[] { 1, 0 })
            state = Decide(state, Left(rank));
        Assert.DoesNotContain(state.Outbox, e => e is CloseEffect);

        state = Decide(state, Left(2));

        Assert.Null(state.Placement);
        Assert.Single(state.Outbox.OfType<CloseEffect>());
    }

    [Fact]
    public void FinalFailure_OfAnyWorker_EndsTheJobAndHoldsTheSlotsUntilAllAreGone()
    {
        var state = Decide(Running(), new Reported("s1.1", new JobFailed("j", 1, new GridError(ErrorCodes.Diverged, "nan"), Retryable: false)));
        Assert.Equal(JobStatus.Failed, state.Status);
        Assert.DoesNotContain(state.Outbox, e => e is CloseEffect);
        Assert.Equal(["s1", "s1.2"], state.Outbox.OfType<StopTrainerEffect>().Select(e => e.SessionId));

        state = Decide(Decide(state, Left(0)), Left(2));

        Assert.Single(state.Outbox.OfType<CloseEffect>());
    }

    [Fact]
    public void State_OfABrokenGang_ComesBackFromJson()
    {
        var state = Decide(Running(), new Lost(1, "s1.1", Crash));

        var back = GridJson.Parse<JobState>(GridJson.ToBytes(state));

        Assert.Equal(GridJson.ToText(state), GridJson.ToText(back));
        Assert.Equal([0, 2], back.Placement!.Present);
        Assert.Equal(JobStatus.Queued, Decide(Decide(back, Left(0)), Left(2)).Status);
    }

    private static Reported Meeting() => new("s1", new JobMeeting("j", 1, "10.0.0.7", 4000));

    private static Reported Left(int rank) => new(GangSessions.Of("s1", rank), new JobDetached("j", 1, "asked", null));

    private static JobState Decide(JobState state, JobInput input) => JobMachine.Decide(state, input, Policy, Now);

    private static JobState Starting()
    {
        var submission = TestGrid.Submission("\"resources\":{\"workers\":3}");
        return Clean(Decide(Clean(Decide(JobMachine.Create("j", submission, Now), new Resolved(JobMachineTests.Plan()))), new Granted(Grant)));
    }

    private static JobState Running() => Clean(Decide(Decide(Starting(), Meeting()), new Reported("s1", new JobAttached("j", 1, 0, []))));

    /// <summary>As if all effects were done.</summary>
    private static JobState Clean(JobState state) => state with { Outbox = [] };
}
