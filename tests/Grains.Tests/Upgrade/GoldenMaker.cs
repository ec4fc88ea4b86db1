using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Grains.Tests.Upgrade;

/// <summary>
/// Makes <c>Goldens/state-vN</c> of the present version, once, when a version begins: a grid with a job in each status, ended at once.
/// <c>FTG_WRITE_GOLDENS=1 dotnet test tests/Grains.Tests --filter GoldenMaker</c>
/// </summary>
public sealed class GoldenMaker
{
    public const string Variable = "FTG_WRITE_GOLDENS";
    public const string KeyHash = "5f3f9be7b8c1";
    public const int Slots = 4;
    public const long Quota = 1L << 40;

    private readonly List<GoldenJob> _jobs = [];
    private readonly Dictionary<string, StartJob> _starts = [];

    [Fact]
    [Trait("Category", "Slow")]
    [Trait("Category", "Never")]
    public async Task State_OfThisVersion_IsWritten()
    {
        Assert.True(Environment.GetEnvironmentVariable(Variable) == "1", $"{Variable}=1 is not set");
        CutBlobStore cut = null!;
        var grid = await TestGrid.StartAsync(wrap: inner => cut = new CutBlobStore(inner));
        var (model, dataset) = (await grid.AddModelAsync(), await grid.AddDatasetAsync());
        await grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).SetQuota(Quota);
        await grid.Grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddKey(new CreateKeyRequest("ci", TestGrid.Org, Role.Member), "key-ci", KeyHash);
        var cursors = new Dictionary<string, long>();
        await using (var second = await FakeAgent.StartAsync(grid, "n2"))
        {
            var preempted = await RunningAsync(grid, second, 2);
            await grid.Grains.GetGrain<INodeGrain>("n2").Drain(true);
            await TestGrid.ReachesAsync(preempted, JobStatus.Preempting);
            await using var agent = await FakeAgent.StartAsync(grid, slots: Slots);
            var running = await OnOneNodeAsync(grid, agent);
            await CheckpointAsync(grid, running);
            await CutJobsAsync(grid, agent, cut);
            (cursors["n1"], cursors["n2"]) = (agent.Cursor, second.Cursor);
        }
        await grid.StopAsync();
        await SaveAsync(grid, model, dataset, cursors);
        Directory.Delete(grid.Directory, recursive: true);
    }

    /// <summary>Jobs that rest where they are until somebody says something.</summary>
    private async Task<IJobGrain> OnOneNodeAsync(TestGrid grid, FakeAgent agent)
    {
        var succeeded = await RunningAsync(grid, agent, 0);
        for (var step = 1; step <= 150; step += 50) await agent.StepsAsync(Start(succeeded), step, step + 49);
        await agent.CommittedAsync(Start(succeeded), 150);
        await agent.FinishedAsync(Start(succeeded));
        await TestGrid.ReachesAsync(succeeded, JobStatus.Succeeded);
        var paused = await RunningAsync(grid, agent, 2);
        await paused.Pause();
        await agent.DetachedAsync(Start(paused), 2);
        await TestGrid.ReachesAsync(paused, JobStatus.Paused);
        var cancelled = await RunningAsync(grid, agent, 1);
        await cancelled.Cancel();
        await agent.DetachedAsync(Start(cancelled), 1);
        await TestGrid.ReachesAsync(cancelled, JobStatus.Cancelled);
        var failed = await RunningAsync(grid, agent, 1);
        await agent.ReportAsync(Start(failed).SessionId, new Contracts.Training.JobFailed(Id(failed), Start(failed).Order.Epoch, new GridError(ErrorCodes.Diverged, "The loss is not a number."), false));
        await TestGrid.ReachesAsync(failed, JobStatus.Failed);
        var pausing = await RunningAsync(grid, agent, 2);
        await pausing.Pause();
        await TestGrid.ReachesAsync(pausing, JobStatus.Pausing);
        var running = await RunningAsync(grid, agent, 4);
        await SubmitAsync(grid, agent);
        return running;
    }

    /// <summary>Jobs that would go on by themselves, and one that waits for more slots than become free.</summary>
    private async Task CutJobsAsync(TestGrid grid, FakeAgent agent, CutBlobStore cut)
    {
        var publishing = await RunningAsync(grid, agent, 3);
        var queued = await grid.SubmitAsync("\"resources\":{\"workers\":4}");
        await TestGrid.ReachesAsync(queued, JobStatus.Queued);
        var published = cut.CutAsync(Id(publishing), JobStatus.Publishing);
        await agent.FinishedAsync(Start(publishing));
        await published.WaitAsync(TestGrid.Limit);
        var validating = grid.NewJob();
        var validated = cut.CutAsync(Id(validating), JobStatus.Validating);
        var submit = validating.Submit(TestGrid.Submission());
        await validated.WaitAsync(TestGrid.Limit);
        // Whether it heard of its acceptance, no caller of a silo that dies can know.
        await submit.WaitAsync(TestGrid.Limit).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private async Task<IJobGrain> RunningAsync(TestGrid grid, FakeAgent agent, int steps)
    {
        var job = await SubmitAsync(grid, agent);
        await agent.AttachedAsync(Start(job));
        if (steps > 0) await agent.StepsAsync(Start(job), 1, steps);
        if (steps > 1) await agent.CommittedAsync(Start(job), steps - 1);
        await TestGrid.ReachesAsync(job, JobStatus.Running);
        return job;
    }

    private async Task<IJobGrain> SubmitAsync(TestGrid grid, FakeAgent agent)
    {
        var job = await grid.SubmitAsync();
        _starts[Id(job)] = await agent.NextAsync<StartJob>();
        Assert.Equal(Id(job), Start(job).Order.JobId);
        await TestGrid.ReachesAsync(job, JobStatus.Starting);
        return job;
    }

    private static async Task CheckpointAsync(TestGrid grid, IJobGrain job)
    {
        var store = new CheckpointStore(grid.Blobs, Id(job));
        await store.FenceAsync(1, "op-golden");
        await store.CommitAsync(new CheckpointCommit(1, 3, 48, [new CheckpointPart("adapter.safetensors", "weights"u8.ToArray()), new CheckpointPart("optimizer.bin", "moments"u8.ToArray())]));
    }

    private async Task SaveAsync(TestGrid grid, string model, string dataset, Dictionary<string, long> cursors)
    {
        using var store = new LocalBlobStore(Path.Combine(grid.Directory, "blobs"));
        var states = new GrainStates(store);
        await foreach (var id in states.KeysAsync("job"))
        {
            var state = (await states.JobAsync(id))!;
            _jobs.Add(new GoldenJob(id, state.Status, _starts.GetValueOrDefault(id), state.Progress.Step, state.Progress.CommittedStep, state.Events.Last));
        }
        Assert.Equal(Enum.GetValues<JobStatus>().Order(), _jobs.Select(j => j.Status).Order());
        var adapter = await states.KeysAsync("adapter").SingleAsync();
        var golden = new GoldenState(model, dataset, adapter, KeyHash, Quota, [.. _jobs.OrderBy(j => j.Id, StringComparer.Ordinal)], cursors);
        await golden.SaveAsync(StateVersion.Current, store);
    }

    private StartJob Start(IJobGrain job) => _starts[Id(job)];

    private static string Id(IJobGrain job) => job.GetPrimaryKeyString();
}
