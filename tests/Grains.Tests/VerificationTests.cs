using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Tests.Support;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Verification tasks: what a job says of itself, and how a node's grain waits for the answer.</summary>
public sealed class VerificationTests : IAsyncLifetime
{
    private TestGrid _grid = null!;
    private FakeAgent _agent = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync();
        _agent = await FakeAgent.StartAsync(_grid);
        await _grid.AddModelAsync();
        await _grid.AddDatasetAsync();
    }

    public async Task DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Job_WhileItRuns_PlansTheVerificationOfWhatItKeeps()
    {
        var job = await _grid.SubmitAsync("\"checkpoint\":{\"keep\":3}");
        var start = await _agent.NextAsync<StartJob>();
        await _agent.AttachedAsync(start);
        _grid.Checkpoints.Steps[start.Order.JobId] = [1, 2, 4, 6];

        var window = await job.PlanVerification(null, null);
        var named = await job.PlanVerification(2, 6);

        Assert.Equal(("m4", "m6"), (window.FromManifest, window.ToManifest));
        Assert.Equal(("m2", "m6"), (named.FromManifest, named.ToManifest));
        Assert.Equal(GridJson.ToText(start.Order), GridJson.ToText(window.Order));
        Assert.Equal(JobStatus.Running, (await job.Get())!.Status);
    }

    [Fact]
    public async Task Verification_ThatIsAnswered_GivesTheReply()
    {
        var (task, call) = await BeginAsync(CancellationToken.None);
        var digests = new DigestPair("e", "a");
        var reply = new TrainerTaskReply(task.TaskId, Verification: new ResumeVerification("job-x", 2, 4, digests, digests, false, ["optimizer.safetensors"], 1.5));

        await Node.Report(_agent.Incarnation, new List<NodeReport> { new(task.TaskId, Task: reply) });

        var found = (await call.WaitAsync(TestGrid.Limit)).Verification!;
        Assert.Equal((2, 4, false, "optimizer.safetensors"), (found.FromStep, found.ToStep, found.Identical, Assert.Single(found.Differs)));
    }

    [Fact]
    public async Task Verification_ThatIsCancelled_IsEndedOnItsNode()
    {
        using var cancel = new CancellationTokenSource();
        var (task, call) = await BeginAsync(cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(TestGrid.Limit));
        Assert.Equal(task.TaskId, (await _agent.NextAsync<StopTask>()).TaskId);
    }

    [Fact]
    public async Task Verification_WhoseNodeSaysGoodbye_IsUnavailableAtOnce()
    {
        var (_, call) = await BeginAsync(CancellationToken.None);

        await Node.Goodbye(_agent.Incarnation);

        Assert.Equal(ErrorCodes.Unavailable, (await call.WaitAsync(TestGrid.Limit)).Error?.Code);
    }

    [Fact]
    public async Task Verification_WhoseAgentIsReplaced_IsUnavailableAtOnce()
    {
        var (_, call) = await BeginAsync(CancellationToken.None);
        // The next poll says that the command was taken; only then is it lost with its agent.
        await Node.Poll(_agent.Incarnation, _agent.Cursor, 0);

        await using var next = await FakeAgent.StartAsync(_grid, cursor: _agent.Cursor);

        Assert.Equal(ErrorCodes.Unavailable, (await call.WaitAsync(TestGrid.Limit)).Error?.Code);
    }

    private INodeGrain Node => _grid.Grains.GetGrain<INodeGrain>("n1");

    private async Task<(TrainerTask Task, Task<TrainerTaskReply> Call)> BeginAsync(CancellationToken cancellation)
    {
        var model = new ModelManifest("m", "d", "llama", 1, "F32", 64, 32, null, null, null, [], []);
        var call = Node.Verify(new TrainerTask("task-v", new BlobAccess(LocalRoot: "/nowhere"), "cpu", 1, model, null), cancellation);
        var command = await _agent.NextAsync<RunTask>();
        return (command.Task, call);
    }
}
