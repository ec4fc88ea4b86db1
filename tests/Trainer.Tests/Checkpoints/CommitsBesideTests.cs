using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tests.Checkpoints;

/// <summary>Runs whose commits are held by their store: ten steps, a checkpoint every third.</summary>
public sealed class CommitsBesideTests : IDisposable
{
    private const string Job = "job-beside";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly TestStore _store = new();
    private readonly HeldStore _blobs;
    private readonly List<TrainerReport> _reports = [];
    private ModelStore? _models;
    private OrderRun? _run;
    private GridException? _fault;
    private bool _isWithinStep;

    public CommitsBesideTests() => _blobs = new HeldStore(_store.Blobs, key => key == $"jobs/{Job}/head");

    public void Dispose()
    {
        _run?.Dispose();
        _models?.Dispose();
        _store.Dispose();
    }

    [Fact]
    public async Task Steps_GoOnBesideACommit_WhichIsToldWhenItIsDone()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();

        Step(2);
        Assert.Equal(0, _run!.CommittedStep);
        Assert.Empty(Committed());
        release(null);
        _run.Settle(_reports.Add);

        Assert.Equal(3, _run.CommittedStep);
        Assert.Equal([3], Committed());
        Assert.Equal(3, (await HeadAsync()).Step);
    }

    [Fact]
    public async Task Checkpoint_BeforeTheLastIsCommitted_Waits()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();
        Step(2);
        var before = _blobs.Log.Count;

        var sixth = Task.Run(() => Step(1));
        release(null);
        await sixth.WaitAsync(Limit);
        (await _blobs.NextAsync())(null);
        _run!.Settle(_reports.Add);

        Assert.Equal([3, 6], Committed());
        // The second upload began when the first commit was done.
        Assert.Equal($"done jobs/{Job}/head", _blobs.Log[before]);
    }

    [Fact]
    public async Task Commit_ReadWhileStepsGoOn_HoldsTheStateOfItsStep()
    {
        var expected = await SynchronousAsync();
        var blobs = new HeldStore(_store.Blobs, key => key.Contains("/parts/"));
        await AttachAsync(blobs);
        Step(3);
        var release = await blobs.NextAsync();

        Step(2);
        blobs.IsOff = true;
        release(null);
        _run!.Settle(_reports.Add);

        var committed = Assert.Single(_reports.OfType<JobCommitted>());
        Assert.Equal(expected[3], (committed.AdapterSha256, committed.OptimizerSha256));
        Assert.Empty((await new CheckpointStore(_store.Blobs, Job).RestoreAsync())!.Skipped);
    }

    [Fact]
    public async Task Digests_OfEveryCommit_AreThoseOfCommitsThatHoldUpTheSteps()
    {
        var expected = await SynchronousAsync();
        _blobs.IsOff = true;
        await AttachAsync();

        Step(10);

        Assert.Equal([3, 6, 9, 10], Committed());
        Assert.All(_reports.OfType<JobCommitted>(), c => Assert.Equal(expected[c.Step], (c.AdapterSha256, c.OptimizerSha256)));
        Assert.IsType<JobFinished>(_reports[^1]);
        Assert.Equal(10, (await HeadAsync()).Step);
    }

    [Fact]
    public async Task StorageFault_OfACommit_ComesOutAtAStepBoundary()
    {
        await AttachAsync();
        Step(3);
        (await _blobs.NextAsync())(new IOException("the store is away"));

        var fault = Assert.Throws<GridException>(() => Step(3));

        Assert.Equal(ErrorCodes.Unavailable, fault.Code);
        Assert.True(JobFaults.Describe(fault).Retryable);
        Assert.Empty(Committed());
        Assert.Equal(0, _run!.CommittedStep);
    }

    [Fact]
    public async Task Fence_RaisedWhileACommitIsUnderWay_RefusesIt()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();
        await new CheckpointStore(_store.Blobs, Job).FenceAsync(2, "successor");
        release(null);

        Assert.Equal(ErrorCodes.Fenced, Assert.Throws<GridException>(() => Step(3)).Code);

        Assert.Empty(Committed());
        Assert.Equal(0, (await HeadAsync()).Step);
    }

    [Fact]
    public async Task Leaving_WithACheckpoint_WaitsForBothCommitsInOrder()
    {
        await AttachAsync();
        Step(4);
        var leaving = Task.Run(() => _run!.Checkpoint(_reports.Add));

        (await _blobs.NextAsync())(null);
        (await _blobs.NextAsync())(null);
        await leaving.WaitAsync(Limit);

        Assert.Equal([3, 4], Committed());
        Assert.Equal(4, _run!.CommittedStep);
    }

    [Fact]
    public async Task StepFault_WhileACommitIsUnderWay_ComesAfterTheCommit()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();
        _fault = new GridException(ErrorCodes.OutOfMemory, "too large");

        var failing = Task.Run(() => Step(1));
        release(null);

        Assert.Equal(ErrorCodes.OutOfMemory, (await Assert.ThrowsAsync<GridException>(() => failing.WaitAsync(Limit))).Code);
        Assert.Equal([3], Committed());
    }

    [Fact]
    public async Task StepFault_WhileACommitFails_ComesAfterTheCommitsOwn()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();
        _fault = new GridException(ErrorCodes.OutOfMemory, "too large");

        var failing = Task.Run(() => Step(1));
        release(new IOException("the store is away"));

        Assert.Equal(ErrorCodes.Unavailable, (await Assert.ThrowsAsync<GridException>(() => failing.WaitAsync(Limit))).Code);
    }

    [Fact]
    public async Task GangLoss_WhileACommitIsUnderWay_TellsTheCommitAndEndsTheSession()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();
        _fault = new GridException(ErrorCodes.GangBroken, "worker 1 is gone");

        var failing = Task.Run(() => Step(1));
        release(null);

        Assert.Equal(ErrorCodes.GangBroken, (await Assert.ThrowsAsync<GridException>(() => failing.WaitAsync(Limit))).Code);
        Assert.Equal([3], Committed());
    }

    [Fact]
    public async Task LeaseLoss_WhileACommitIsUnderWay_WaitsForNothing()
    {
        await AttachAsync();
        Step(3);
        var release = await _blobs.NextAsync();
        _fault = new GridException(ErrorCodes.LeaseLost, "over");

        Assert.Equal(ErrorCodes.LeaseLost, Assert.Throws<GridException>(() => Step(1)).Code);

        Assert.Empty(Committed());
        release(null);
    }

    [Fact]
    public void StateCopy_OfMoreThanItsLimit_IsNotMade()
    {
        var most = StateCopy.MostBytes / 12;

        Assert.Equal(most * 12, StateCopy.BytesFor(most));
        Assert.Equal(0, StateCopy.BytesFor(most + 1));
    }

    private async Task AttachAsync(IBlobStore? blobs = null)
    {
        var order = _store.Order(Job);
        await _store.FenceAsync(order);
        _models = new ModelStore(_store.Blobs, CPU);
        _run = new OrderRun(order, _models, blobs ?? _blobs, Guard, TimeProvider.System, () => []);
        _run.Attach(_reports.Add);
    }

    /// <summary>Throws what the test asked for, once, within a step: the call before a step's first micro-batch is let through.</summary>
    private void Guard()
    {
        if (_fault is not { } fault || !_isWithinStep)
        {
            _isWithinStep = true;
            return;
        }
        _fault = null;
        throw fault;
    }

    private void Step(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _isWithinStep = false;
            _run!.Step(_reports.Add);
        }
    }

    private IEnumerable<int> Committed() => _reports.OfType<JobCommitted>().Select(c => c.Step);

    private async Task<CheckpointHead> HeadAsync() => (await new CheckpointStore(_store.Blobs, Job).ReadHeadAsync())!.Head;

    /// <summary>Digests of weights and moments at each commit of a run that waits for each.</summary>
    private async Task<IReadOnlyDictionary<int, (string, string)>> SynchronousAsync()
    {
        var order = _store.Order("job-waiting");
        await _store.FenceAsync(order);
        using var models = new ModelStore(_store.Blobs, CPU);
        using var run = new OrderRun(order, models, _store.Blobs, () => { }, TimeProvider.System, () => [], commitsBeside: false);
        var reports = new List<TrainerReport>();
        for (var state = run.Attach(reports.Add); state == JobState.Running;) state = run.Step(reports.Add);
        return reports.OfType<JobCommitted>().ToDictionary(c => c.Step, c => (c.AdapterSha256, c.OptimizerSha256));
    }
}
