using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Gangs;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>The loop with jobs that count instead of training.</summary>
public sealed class SessionLoopTests : IDisposable
{
    private readonly TestStore _store = new();
    private readonly List<string> _turns = [];
    private readonly Queue<AgentFrame> _frames = new();
    private readonly ReportOutbox _outbox = new(1);

    public void Dispose() => _store.Dispose();

    [Fact]
    public void Turns_AreFairByTokensNotBySteps()
    {
        Attach("job-large", tokensAStep: 300, steps: 4);
        Attach("job-small", tokensAStep: 100, steps: 12);

        Assert.Equal(0, Run());

        var before = _turns.Take(8).ToList();
        Assert.Equal(2, before.Count(t => t == "job-large"));
        Assert.Equal(6, before.Count(t => t == "job-small"));
    }

    [Fact]
    public void Fault_OfOneJob_SparesItsNeighbour()
    {
        Attach("job-bad", tokensAStep: 10, steps: 5, fails: new GridException(ErrorCodes.InsufficientStorage, "the disk is full"));
        Attach("job-good", tokensAStep: 10, steps: 5);

        Assert.Equal(0, Run());

        var failed = Assert.Single(Reports().OfType<JobFailed>());
        Assert.Equal(("job-bad", ErrorCodes.InsufficientStorage, true), (failed.JobId, failed.Error.Code, failed.Retryable));
        Assert.Equal(5, _turns.Count(t => t == "job-good"));
    }

    [Fact]
    public void Fenced_Job_LeavesWithoutAFailure()
    {
        Attach("job-old", tokensAStep: 10, steps: 5, fails: new GridException(ErrorCodes.Fenced, "a newer epoch"));

        Assert.Equal(0, Run());

        Assert.Empty(Reports().OfType<JobFailed>());
        var left = Assert.Single(Reports().OfType<JobDetached>());
        Assert.Equal((ErrorCodes.Fenced, null), (left.Reason, left.CommittedStep));
    }

    [Fact]
    public void Detach_OfAJobThatWasNeverHere_IsAnsweredAndItsLateAttachRefused()
    {
        _frames.Enqueue(new Detach("job-late", 1, Checkpoint: true, "cancel"));
        Attach("job-late", tokensAStep: 10, steps: 5);

        Assert.Equal(0, Run());

        Assert.Single(Reports().OfType<JobDetached>());
        Assert.Empty(_turns);
    }

    [Fact]
    public void Lease_ThatEndsWithinAStep_EndsTheProcessWithoutAWord()
    {
        Attach("job-lease", tokensAStep: 10, steps: 5, fails: new GridException(ErrorCodes.LeaseLost, "over"));

        Assert.Equal(TrainerProtocol.LeaseLostExitCode, Run());

        Assert.Empty(Reports());
    }

    [Fact]
    public void Gang_ThatLostAWorker_EndsTheProcessWithoutAWord()
    {
        Attach("job-gang", tokensAStep: 10, steps: 5, fails: new GridException(ErrorCodes.GangBroken, "worker 1 is gone"));

        Assert.Equal(TrainerProtocol.GangBrokenExitCode, Run());

        Assert.Empty(Reports());
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public void Gang_BesideAnotherJob_IsRefused(int firstSize, int secondSize)
    {
        Attach("job-first", tokensAStep: 10, steps: 5, workers: firstSize);
        Attach("job-second", tokensAStep: 10, steps: 5, workers: secondSize);

        Assert.Equal(0, Run());

        var failed = Assert.Single(Reports().OfType<JobFailed>());
        Assert.Equal(("job-second", ErrorCodes.Unavailable, true), (failed.JobId, failed.Error.Code, failed.Retryable));
        Assert.All(_turns, t => Assert.Equal("job-first", t));
    }

    [Fact]
    public void Detach_OfAGang_WaitsUntilAllAgree()
    {
        Attach("job-gang", tokensAStep: 10, steps: 9, workers: 2);
        _frames.Enqueue(new Detach("job-gang", 1, Checkpoint: false, "cancelled"));

        Assert.Equal(0, Run());

        // The counting gang agrees at its third step.
        Assert.Equal(3, _turns.Count);
        Assert.Equal("all agreed", Assert.Single(Reports().OfType<JobDetached>()).Reason);
    }

    [Fact]
    public void Detach_WithoutACheckpoint_TellsOfTheCommitThatWasUnderWay()
    {
        Attach("job-cancelled", tokensAStep: 10, steps: 9);
        _frames.Enqueue(new Detach("job-cancelled", 1, Checkpoint: false, "cancelled"));

        Assert.Equal(0, Run());

        Assert.Equal(CountingRun.UnderWay, Assert.Single(Reports().OfType<JobDetached>()).CommittedStep);
    }

    [Theory]
    [InlineData("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", ErrorCodes.OutOfMemory)]
    [InlineData("CUDA out of memory", ErrorCodes.OutOfMemory)]
    [InlineData("shapes do not match", ErrorCodes.Internal)]
    public void Fault_OfTheTensorLibrary_IsTyped(string message, string code) =>
        Assert.Equal(code, JobFaults.Describe(new System.Runtime.InteropServices.ExternalException(message)).Error.Code);

    private readonly Dictionary<string, CountingRun> _runs = [];

    private void Attach(string jobId, int tokensAStep, int steps, GridException? fails = null, int workers = 1)
    {
        var order = _store.Order(jobId) with { Gang = new GangMembership(0, workers) };
        _runs[jobId] = new CountingRun(order, tokensAStep, steps, fails, _turns);
        _frames.Enqueue(new Attach(order));
    }

    private int Run()
    {
        var session = new TrainerSession("session-x", "t", new BlobAccess(), "cpu", "fp32", 1, 100, IdleSeconds: 0);
        return new SessionLoop(
            session, order => _runs[order.JobId], _ => _frames.TryDequeue(out var frame) ? frame : null, _outbox, new LeaseClock(TimeProvider.System, 100),
            TimeProvider.System).Run();
    }

    private IReadOnlyList<TrainerReport> Reports() => _outbox.After(0).Reports;

    private sealed class CountingRun(TrainingOrder order, int tokensAStep, int steps, GridException? fails, List<string> turns) : IJobRun
    {
        private int _done;
        private bool _asked;

        public TrainingOrder Order => order;

        public const int UnderWay = 7;

        public int? CommittedStep { get; private set; } = 0;

        public Departure? Agreed { get; private set; }

        public long TokensStepped => _done * (long)tokensAStep;

        public JobState Attach(Action<TrainerReport> report) => JobState.Running;

        public JobState Step(Action<TrainerReport> report)
        {
            if (fails is not null) throw fails;
            turns.Add(order.JobId);
            if (_asked && _done == 2)
            {
                Agreed = new Departure(Checkpoint: false, "all agreed");
                return JobState.Leaving;
            }
            return ++_done == steps ? JobState.Finished : JobState.Running;
        }

        public bool MayLeave(Departure departure)
        {
            _asked = order.Gang is { Size: > 1 };
            return !_asked;
        }

        public void Settle(Action<TrainerReport> report) => CommittedStep = UnderWay;

        public void Checkpoint(Action<TrainerReport> report)
        {
        }

        public void Dispose()
        {
        }
    }
}
