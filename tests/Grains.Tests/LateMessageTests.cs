using System.Text;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Nodes;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Messages that come after their time, and activations that another one has overtaken.</summary>
public sealed class LateMessageTests
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void Start_AfterTheStopOfItsEpoch_IsNotQueued()
    {
        var registration = new NodeRegistration("n1", "i1", "h", "b", [], []);
        var state = NodeRules.Send(NodeRules.Register(null, registration), "n1", new StopJob("s1", "j", 3, true, "x") { OperationId = "stop" });

        Assert.Same(state, NodeRules.Send(state, "n1", Start("j", 3)));
        Assert.Same(state, NodeRules.Send(state, "n1", Start("j", 2)));
        Assert.Equal(2, NodeRules.Send(state, "n1", Start("j", 4)).Commands.Count);
        Assert.Equal(2, NodeRules.Send(state, "n1", Start("other", 1)).Commands.Count);
        var lower = NodeRules.Send(state, "n1", new StopJob("s1", "j", 1, true, "x") { OperationId = "again" });
        Assert.Same(lower, NodeRules.Send(lower, "n1", Start("j", 3)));
    }

    [Fact]
    public async Task Queued_AfterItsJobHasClosed_IsForgotten()
    {
        await using var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        await using var agent = await FakeAgent.StartAsync(grid);
        var job = await grid.SubmitAsync();
        await agent.FinishedAsync(await agent.NextAsync<StartJob>());
        await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
        await UntilAsync("the job is closed", async () => !(await job.Wake())!.Live && (await grid.Pool.Queues()).Count == 0);

        var id = job.GetPrimaryKeyString();
        var queued = grid.Pool.Enqueue(new QueuedJob(id, TestGrid.Org, "default", 0, true, 1, "cpu", 1 << 20, 0, "", null, 5, DateTimeOffset.UtcNow));
        // Asked at once: the pool may find the job out before its answer is here.
        Assert.NotEmpty(await grid.Pool.Queues());
        await queued;

        await UntilAsync("the queue is empty", async () => (await grid.Pool.Queues()).Count == 0);
    }

    [Fact]
    public async Task Pool_ToldWhatItKnows_WritesNothing()
    {
        var writes = 0;
        await using var grid = await TestGrid.StartAsync(wrap: inner => new FaultyBlobStore(inner)
        {
            Plan = (key, _) =>
            {
                if (key.Contains("/pool/"))
                    Interlocked.Increment(ref writes);
                return FaultyBlobStore.Fault.None;
            },
        });
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        await RunningAsync(grid);
        await grid.Pool.Cancel("unknown");
        var before = Volatile.Read(ref writes);
        Assert.True(before > 0);

        for (var i = 0; i < 5; i++)
            await grid.Pool.Cancel("unknown");

        Assert.Equal(before, Volatile.Read(ref writes));
    }

    [Fact]
    public async Task Wake_OfAnOvertakenActivation_ReadsAgain()
    {
        // Within the lease nothing but the wake touches the job.
        await using var grid = await TestGrid.StartAsync(configure: o => o.NodeLease = TimeSpan.FromMinutes(5));
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        var job = await RunningAsync(grid);
        var id = job.GetPrimaryKeyString();
        var state = await StateAsync(grid, id);
        state["value"]!["progress"]!["committed_step"] = 7;
        await WriteAsync(grid, id, state);

        await UntilAsync("the activation sees the other's state", async () => (await job.Wake())!.CommittedStep == 7);
    }

    [Fact]
    public async Task Wake_OfAJobThatWasUnknown_ReadsAgain()
    {
        await using var grid = await TestGrid.StartAsync();
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        var known = await RunningAsync(grid);
        var state = await StateAsync(grid, known.GetPrimaryKeyString());
        var later = grid.NewJob();
        Assert.Null(await later.Get());

        var id = later.GetPrimaryKeyString();
        await WriteAsync(grid, id, JsonNode.Parse(state.ToJsonString().Replace(known.GetPrimaryKeyString(), id))!);

        await UntilAsync("the job is known", async () => await later.Wake() is not null);
    }

    /// <summary>A job that runs on a node that says no more, and has nothing left to do.</summary>
    private static async Task<IJobGrain> RunningAsync(TestGrid grid)
    {
        await using var agent = await FakeAgent.StartAsync(grid);
        var job = await grid.SubmitAsync();
        await agent.AttachedAsync(await agent.NextAsync<StartJob>());
        await UntilAsync("the job has nothing left to do", async () => (await StateAsync(grid, job.GetPrimaryKeyString()))["value"]!["outbox"]!.AsArray().Count == 0);
        return job;
    }

    private static StartJob Start(string job, int epoch)
    {
        var tokens = new TokenIndex("k", "t", "chat", 512, 10, 100, 50, 20, []);
        return new StartJob("s1", 0, new TrainingOrder(job, epoch, TestGrid.Submission().Spec, null!, null, null, tokens, null, null)) { OperationId = $"{job}-{epoch}" };
    }

    private static string KeyOf(string job) => $"grains/job/{job}";

    private static async Task<JsonNode> StateAsync(TestGrid grid, string job) =>
        JsonNode.Parse((await grid.Blobs.ReadAllBytesAsync(KeyOf(job)))!.Value.Bytes)!;

    /// <summary>As an activation on another silo would.</summary>
    private static Task WriteAsync(TestGrid grid, string job, JsonNode state) =>
        grid.Blobs.WriteBytesAsync(KeyOf(job), Encoding.UTF8.GetBytes(state.ToJsonString()));

    private static async Task UntilAsync(string awaited, Func<Task<bool>> holds)
    {
        var deadline = DateTime.UtcNow + TestGrid.Limit;
        while (true)
        {
            try
            {
                if (await holds())
                    return;
            }
            catch (GridException e) when (e.Code == ErrorCodes.Unavailable)
            {
                // The activation ends and reads its state again.
            }
            if (DateTime.UtcNow > deadline)
                throw new TimeoutException($"It should come to be that {awaited}.");
            await Task.Delay(Between);
        }
    }
}
