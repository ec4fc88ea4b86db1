using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Nodes;
using FineTuneGrid.Grains.Tests.Support;

namespace FineTuneGrid.Grains.Tests;

/// <summary>The machine alone: states, inputs, and what they lead to.</summary>
public sealed class JobMachineTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly JobPolicy Policy = new(TimeSpan.FromMinutes(2));
    private static readonly PlacementGrant Grant = new("p1", "n1", 0, "s1");

    public static TheoryData<JobStatus, string, JobStatus> Commands => new()
    {
        { JobStatus.Validating, "pause", JobStatus.Paused },
        { JobStatus.Queued, "pause", JobStatus.Paused },
        { JobStatus.Starting, "pause", JobStatus.Pausing },
        { JobStatus.Running, "pause", JobStatus.Pausing },
        { JobStatus.Pausing, "pause", JobStatus.Pausing },
        { JobStatus.Paused, "pause", JobStatus.Paused },
        { JobStatus.Preempting, "pause", JobStatus.Pausing },
        { JobStatus.Publishing, "pause", JobStatus.Publishing },
        { JobStatus.Pausing, "resume", JobStatus.Preempting },
        { JobStatus.Paused, "resume", JobStatus.Queued },
        { JobStatus.Running, "resume", JobStatus.Running },
        { JobStatus.Validating, "cancel", JobStatus.Cancelled },
        { JobStatus.Queued, "cancel", JobStatus.Cancelled },
        { JobStatus.Starting, "cancel", JobStatus.Cancelled },
        { JobStatus.Running, "cancel", JobStatus.Cancelled },
        { JobStatus.Pausing, "cancel", JobStatus.Cancelled },
        { JobStatus.Paused, "cancel", JobStatus.Cancelled },
        { JobStatus.Preempting, "cancel", JobStatus.Cancelled },
        { JobStatus.Cancelled, "cancel", JobStatus.Cancelled },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Owner_InEachState_GetsTheNextState(JobStatus from, string command, JobStatus to)
    {
        var once = Decide(In(from), Command(command));

        Assert.Equal(to, once.Status);
        Assert.Equal(to, command == "resume" ? to : Decide(once, Command(command)).Status);
    }

    [Theory]
    [InlineData(JobStatus.Succeeded, "cancel")]
    [InlineData(JobStatus.Succeeded, "pause")]
    [InlineData(JobStatus.Failed, "resume")]
    [InlineData(JobStatus.Cancelled, "pause")]
    [InlineData(JobStatus.Publishing, "cancel")]
    public void Owner_TooLate_IsRefusedWithConflict(JobStatus from, string command) =>
        Assert.Equal(ErrorCodes.Conflict, Assert.Throws<GridException>(() => Decide(In(from), Command(command))).Code);

    [Fact]
    public void PausedWhileValidating_GoesOnOnlyWhenResumed()
    {
        var paused = Decide(Decide(In(JobStatus.Validating), new PauseAsked()), new Resolved(Plan()));
        Assert.Equal(JobStatus.Paused, paused.Status);
        Assert.DoesNotContain(paused.Outbox, e => e is EnqueueEffect);

        Assert.Contains(Decide(paused, new ResumeAsked()).Outbox, e => e is EnqueueEffect);
    }

    [Fact]
    public void Grant_RaisesTheEpochOnce()
    {
        var started = Decide(In(JobStatus.Queued), new Granted(Grant));

        Assert.Equal(1, started.Epoch);
        Assert.Same(started, Decide(started, new Granted(Grant)));
        Assert.True(JobMachine.MayStart(started, Grant));
        Assert.False(JobMachine.MayStart(started, Grant with { PlacementId = "p2" }));
    }

    [Fact]
    public void Grant_AfterItsRunHasEnded_StartsNothing()
    {
        var over = Clean(Decide(In(JobStatus.Running), new Reported("s1", new JobDetached("j", 1, "asked", 4))));

        Assert.Same(over, Decide(over, new Granted(Grant)));
        Assert.Equal(JobStatus.Starting, Decide(over, new Granted(Grant with { PlacementId = "p2" })).Status);
    }

    [Fact]
    public void Grant_AfterItWasRefused_StartsNothing()
    {
        var refused = Decide(In(JobStatus.Paused), new Granted(Grant));
        var queued = Decide(refused, new ResumeAsked());

        Assert.Equal(JobStatus.Queued, Decide(queued, new Granted(Grant)).Status);
    }

    [Fact]
    public void Grant_ThatItsStopOvertook_StartsNothing()
    {
        var stopped = Decide(In(JobStatus.Queued), new StopAsked("p9", StopReasons.Preempted));

        Assert.Equal(JobStatus.Queued, Decide(stopped, new Granted(Grant with { PlacementId = "p9" })).Status);
        Assert.Equal(JobStatus.Starting, Decide(stopped, new Granted(Grant with { PlacementId = "p10" })).Status);
    }

    [Theory]
    [InlineData(JobStatus.Cancelled)]
    [InlineData(JobStatus.Publishing)]
    public void Grant_ToAJobThatDoesNotWantIt_ChangesNothing(JobStatus status)
    {
        var state = In(status);
        Assert.Same(state, Decide(state, new Granted(Grant)));
        Assert.False(JobMachine.MayStart(state, Grant));
    }

    [Fact]
    public void Report_OfAnotherEpochOrSession_ChangesNothing()
    {
        var state = In(JobStatus.Running);
        TrainerReport[] reports =
        [
            new JobAttached("j", 7, 0, []), new JobSteps("j", 7, [Step(1)]), new JobCommitted("j", 7, 1, 1, "m", "a", "o", 1),
            new JobFinished("j", 7, "m", FakeAgent.Result()), new JobDetached("j", 7, "x", 1), new JobFailed("j", 7, new("x", "x"), false),
        ];

        foreach (var report in reports)
            Assert.Same(state, Decide(state, new Reported("s1", report)));
        Assert.Same(state, Decide(state, new Reported("s2", new JobFinished("j", 1, "m", FakeAgent.Result()))));
        Assert.Same(state, Decide(state, new Lost(7, "s1", new("x", "x"))));
    }

    [Fact]
    public void CostOfAStop_IsMeasured()
    {
        var starting = Clean(Decide(In(JobStatus.Queued), new Granted(Grant)));
        var running = JobMachine.Decide(starting, new Reported("s1", new JobAttached("j", 1, 0, [])), Policy, Now.AddSeconds(7));
        var saved = Decide(running, new Reported("s1", new JobCommitted("j", 1, 5, 5, "m", "a", "o", 0.25)));

        Assert.Equal((7, 0.25), (saved.ReloadSeconds, saved.SaveSeconds));
    }

    [Fact]
    public void Recalled_StepsOfTrainersThatWereNotHeard_AreToldOnceAndInOrder()
    {
        var heard = Decide(In(JobStatus.Running), new Reported("s1", new JobSteps("j", 1, [Step(1), Step(2), Step(3)])));
        // The next attempt goes on from step 2; nobody hears of it, nor of its steps.
        var waiting = Clean(Decide(heard, new Reported("s1", new JobFailed("j", 1, new GridError(ErrorCodes.TrainerCrashed, "killed"), true))));
        var again = Clean(Decide(waiting, new Granted(Grant with { PlacementId = "p20", SessionId = "s3" })));
        var epoch = again.Epoch;
        var recalled = new JobRecalled("j", epoch, [Step(2), Step(3) with { Attempt = 2 }, Step(4) with { Attempt = 2 }],
            [new RecalledCommit(1, 2, 2, "m2", "a2", "o2"), new RecalledCommit(2, 4, 4, "m4", "a4", "o4")]);

        var told = Decide(again, new Reported("s3", recalled));

        Assert.Equal([(2, 1), (4, 2)], told.Checkpoints.Select(c => (c.Step, c.Epoch)));
        Assert.Equal((4, 4), (told.Progress.Step, told.Progress.CommittedStep));
        Assert.Equal(new AttemptStart(2, 2), told.Events.Attempts[^1]);
        Assert.Equal([(1, 1), (2, 1), (3, 1), (3, 2), (4, 2)], Steps(told).Select(s => (s.Step, s.Attempt)));
        Assert.Equal(Steps(told).Count(), Steps(Decide(told, new Reported("s3", recalled))).Count());
        Assert.Same(told, Decide(told, new Reported("s3", recalled with { Epoch = epoch - 1 })));
    }

    private static IEnumerable<StepMetrics> Steps(JobState state) =>
        state.Events.Tail.Where(e => e.Type == EventTypes.Metrics).SelectMany(e => GridJson.Parse<MetricsData>(e.Data!.Value.GetRawText()).Steps);

    [Theory]
    [InlineData(JobStatus.Running, JobStatus.Queued, ReleaseKind.Preempted)]
    [InlineData(JobStatus.Preempting, JobStatus.Queued, ReleaseKind.Preempted)]
    [InlineData(JobStatus.Pausing, JobStatus.Paused, ReleaseKind.Paused)]
    public void Detached_RestsOrWaits(JobStatus from, JobStatus to, ReleaseKind kind)
    {
        var state = Decide(In(from), new Reported("s1", new JobDetached("j", 1, "asked", 4)));

        Assert.Equal(to, state.Status);
        Assert.Null(state.Placement);
        Assert.Equal(4, state.Progress.CommittedStep);
        Assert.Equal(kind, Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Theory]
    [InlineData(ErrorCodes.Unavailable, ReleaseKind.Transient)]
    [InlineData(ErrorCodes.LeaseLost, ReleaseKind.NodeLost)]
    [InlineData(ErrorCodes.OutOfMemory, ReleaseKind.Configuration)]
    [InlineData(ErrorCodes.TrainerCrashed, ReleaseKind.TrainerCrash)]
    public void RetryableFailure_IsChargedToItsBudget(string code, ReleaseKind kind)
    {
        var state = Decide(In(JobStatus.Running), new Reported("s1", new JobFailed("j", 1, new GridError(code, "why"), Retryable: true)));

        Assert.Equal(JobStatus.Queued, state.Status);
        Assert.Equal(kind, Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void FinalFailure_EndsTheJobAndClosesIt()
    {
        var state = Decide(In(JobStatus.Running), new Reported("s1", new JobFailed("j", 1, new GridError(ErrorCodes.Diverged, "nan"), Retryable: false)));

        Assert.Equal(JobStatus.Failed, state.Status);
        Assert.Equal(ErrorCodes.Diverged, state.Error!.Code);
        Assert.Single(state.Outbox.OfType<CloseEffect>());
    }

    [Fact]
    public void EndedJob_IsClosedOnceAndAgainWhenThePoolAsks()
    {
        var state = Decide(In(JobStatus.Publishing), new Published("1"));
        for (var i = 0; i < 20 && state.Outbox.Count > 0; i++)
            state = Decide(state, new EffectDone(state.Outbox[0].OperationId));
        Assert.False(state.Live);

        var asked = Decide(state, new Condemned(new GridError("x", "x")));

        Assert.Equal(JobStatus.Succeeded, asked.Status);
        Assert.IsType<CloseEffect>(Assert.Single(asked.Outbox));
        Assert.False(Decide(asked, new EffectDone(asked.Outbox[0].OperationId)).Live);
    }

    [Fact]
    public void LostNode_FencesTheOldTrainer()
    {
        var state = Decide(In(JobStatus.Running), new StopAsked("p1", StopReasons.NodeLost));

        Assert.Equal(JobStatus.Queued, state.Status);
        Assert.Equal(2, state.Epoch);
        Assert.Equal(2, Assert.Single(state.Outbox.OfType<FenceEffect>()).Epoch);
        Assert.Equal(ReleaseKind.NodeLost, Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.Kind);
    }

    [Fact]
    public void CrashedTrainer_LeavesTheEpochToTheNextStart()
    {
        var crash = new GridError(ErrorCodes.TrainerCrashed, "gone");
        var state = Decide(In(JobStatus.Running), new Lost(1, "s1", crash));
        Assert.Equal(1, state.Epoch);
        Assert.Equal(ReleaseKind.TrainerCrash, Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.Kind);

        Assert.Equal(2, Decide(state, new Granted(Grant with { PlacementId = "p2" })).Epoch);
    }

    [Fact]
    public void EndOfASession_ThatItsJobDidNotBringAbout_IsChargedToWhatDid()
    {
        var running = In(JobStatus.Running);
        ReleaseKind KindAfter(JobState state, SessionEnded ended) =>
            Assert.Single(Decide(state, new Lost(1, "s1", NodeRules.EndOf(ended))).Outbox.OfType<ReleaseEffect>()).Release.Kind;
        var killed = new SessionEnded(137, "SIGKILL", [], "", new GridError(ErrorCodes.Unavailable, "another job did not stop"));

        Assert.Equal(ReleaseKind.TrainerCrash, KindAfter(running, new SessionEnded(139, "SIGSEGV", [], "tail")));
        Assert.Equal(ReleaseKind.TrainerCrash, KindAfter(running, new SessionEnded(137, "SIGKILL", [], "")));
        Assert.Equal(ReleaseKind.NodeLost, KindAfter(running, new SessionEnded(TrainerProtocol.LeaseLostExitCode, null, [], "")));
        Assert.Equal(ReleaseKind.Transient, KindAfter(running, new SessionEnded(0, null, [], "")));
        Assert.Equal(ReleaseKind.Transient, KindAfter(running, killed));
        Assert.Equal(ReleaseKind.Preempted, KindAfter(In(JobStatus.Preempting), killed));
        Assert.Equal(ReleaseKind.Paused, KindAfter(In(JobStatus.Pausing), killed));
        Assert.Equal(ReleaseKind.TrainerCrash, KindAfter(In(JobStatus.Pausing), new SessionEnded(139, "SIGSEGV", [], "")));
    }

    [Fact]
    public void Stop_OfARunThatIsOver_IsAnsweredAgain()
    {
        var state = Decide(In(JobStatus.Queued), new StopAsked("p9", StopReasons.Preempted));
        Assert.Equal("p9", Assert.Single(state.Outbox.OfType<ReleaseEffect>()).Release.PlacementId);
    }

    [Fact]
    public void Stop_WithoutAnswer_KillsTheSessionAfterPatience()
    {
        var state = Decide(In(JobStatus.Running), new StopAsked("p1", StopReasons.Preempted));
        var soon = JobMachine.Decide(state, new StopAsked("p1", StopReasons.Preempted), Policy, Now.AddSeconds(30));
        var late = JobMachine.Decide(soon, new StopAsked("p1", StopReasons.Preempted), Policy, Now.AddMinutes(3));

        Assert.Empty(soon.Outbox.OfType<KillSessionEffect>());
        Assert.Single(late.Outbox.OfType<KillSessionEffect>());
    }

    [Fact]
    public void CancelWhileRunning_HoldsTheSlotUntilTheTrainerIsGone()
    {
        var cancelled = Decide(In(JobStatus.Running), new CancelAsked());
        Assert.NotNull(cancelled.Placement);
        Assert.DoesNotContain(cancelled.Outbox, e => e is CloseEffect);

        var gone = Decide(cancelled, new Reported("s1", new JobDetached("j", 1, "cancelled", 0)));

        Assert.Null(gone.Placement);
        Assert.Single(gone.Outbox.OfType<CloseEffect>());
        Assert.Equal(cancelled.Events.Last, gone.Events.Last);
    }

    [Fact]
    public void LateFinish_OfACancelledJob_RegistersNothing()
    {
        var state = Decide(Decide(In(JobStatus.Running), new CancelAsked()), new Reported("s1", new JobFinished("j", 1, "m", FakeAgent.Result())));

        Assert.Equal(JobStatus.Cancelled, state.Status);
        Assert.DoesNotContain(state.Outbox, e => e is PublishEffect);
    }

    [Fact]
    public void Resolve_AfterCancel_IsIgnored()
    {
        var cancelled = Decide(In(JobStatus.Validating), new CancelAsked());
        Assert.Same(cancelled, Decide(cancelled, new Resolved(Plan())));
    }

    [Fact]
    public void State_AsJson_ComesBackWithItsOutbox()
    {
        var state = Decide(Decide(In(JobStatus.Running), new Reported("s1", new JobSteps("j", 1, [Step(1)]))), new StopAsked("p1", StopReasons.NodeLost));

        var back = GridJson.Parse<JobState>(GridJson.ToBytes(state));

        Assert.Equal(GridJson.ToText(state), GridJson.ToText(back));
        Assert.Equal(state.Outbox.Select(e => e.GetType()), back.Outbox.Select(e => e.GetType()));
    }

    private static JobState Decide(JobState state, JobInput input) => JobMachine.Decide(state, input, Policy, Now);

    private static JobInput Command(string name) => name switch { "pause" => new PauseAsked(), "resume" => new ResumeAsked(), _ => new CancelAsked() };

    /// <summary>A job that came to the state by the way that jobs come there, with an empty outbox unless it validates.</summary>
    private static JobState In(JobStatus status)
    {
        var validating = JobMachine.Create("j", TestGrid.Submission(), Now);
        var queued = Clean(Decide(validating, new Resolved(Plan())));
        var starting = Clean(Decide(queued, new Granted(Grant)));
        var running = Clean(Decide(starting, new Reported("s1", new JobAttached("j", 1, 0, []))));
        var publishing = Decide(running, new Reported("s1", new JobFinished("j", 1, "m", FakeAgent.Result())));
        return status switch
        {
            JobStatus.Validating => validating,
            JobStatus.Queued => queued,
            JobStatus.Starting => starting,
            JobStatus.Running => running,
            JobStatus.Pausing => Clean(Decide(running, new PauseAsked())),
            JobStatus.Paused => Clean(Decide(queued, new PauseAsked())),
            JobStatus.Preempting => Clean(Decide(running, new StopAsked("p1", StopReasons.Preempted))),
            JobStatus.Publishing => publishing,
            JobStatus.Succeeded => Clean(Decide(publishing, new Published("1"))),
            JobStatus.Failed => Clean(Decide(queued, new Condemned(new GridError("x", "x")))),
            _ => Decide(Clean(Decide(queued, new CancelAsked())), new EffectDone("none")),
        };
    }

    /// <summary>As if all effects were done.</summary>
    private static JobState Clean(JobState state) => state with { Outbox = [] };

    private static StepMetrics Step(int step) => new() { Step = step, Attempt = 1, TrainLoss = 1, Seconds = 0.1 };

    internal static JobPlan Plan()
    {
        var model = new ModelManifest("m", "d", "llama", 1, "F32", 512, 256, null, null, null, [], []);
        var tokens = new TokenIndex("k", "t", "chat", 512, 10, 100, 50, 20, []);
        var resolved = new ResolvedJob
        {
            ModelId = "m", TokenizerModelId = "m", TrainDatasetId = "ds", TrainTokensKey = "k", TrainTokensDigest = "t", Format = "chat", Device = "cpu",
            Precision = "fp32", Mode = "exact", Threads = 1, MicroBatchTokens = 64, Build = "b", Hardware = "h", TotalSteps = 10, TrainExamples = 10,
            TrainTokens = 100, TrainableParameters = 1, MemoryBytes = 1,
        };
        return new JobPlan(resolved, model, model, tokens, null, null, new AssetNames("base", null, "data", "dd", null, null));
    }
}
