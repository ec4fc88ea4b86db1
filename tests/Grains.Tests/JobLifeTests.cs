using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Tests.Support;
using Orleans;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Jobs on a real silo, with a node that says what a trainer would say.</summary>
public sealed class JobLifeTests : IAsyncLifetime
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
    public async Task Job_WholeLife_EndsWithARegisteredVersion()
    {
        var job = await _grid.SubmitAsync();
        var start = await _agent.NextAsync<StartJob>();
        Assert.Equal(1, start.Order.Epoch);
        Assert.Equal(1, _grid.Checkpoints.Epochs[start.Order.JobId]);
        await _agent.AttachedAsync(start);
        await _agent.StepsAsync(start, 1, 10);
        await _agent.CommittedAsync(start, 10);
        await _agent.FinishedAsync(start);

        var view = await TestGrid.ReachesAsync(job, JobStatus.Succeeded);

        Assert.Equal("1", view.AdapterVersion);
        var metrics = await job.Metrics(0, 100);
        Assert.Equal(Enumerable.Range(1, 10), metrics.Select(m => m.Step));
        Assert.All(metrics, m => Assert.False(m.Provisional));
        Assert.Equal([10], (await job.Checkpoints()).Select(c => c.Step));
        var adapter = await AdapterAsync();
        var version = Assert.Single(adapter.Versions);
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "bom.cdx.json", "finetunegrid.json", "provenance.intoto.jsonl", "provenance.pub"], version.Files.Select(f => f.Path));
        Assert.Matches("^[0-9a-f]{40}$", version.Revision);
        Assert.Equal(view.Id, version.Lineage.JobId);
    }

    [Fact]
    public async Task Events_WholeLife_AreNumberedWithoutHolesAndClose()
    {
        var job = await FinishAsync();
        await TestGrid.ReachesAsync(job, JobStatus.Succeeded);

        var page = await job.Events(0, 1000, 0);

        Assert.Equal(Enumerable.Range(1, page.Events.Count).Select(i => (long)i), page.Events.Select(e => e.Seq));
        Assert.True(page.Closed);
        Assert.True((await job.Events(page.NextAfter, 10, 5)).Closed);
    }

    [Fact]
    public async Task Submit_Twice_IsOneJob()
    {
        var job = _grid.NewJob();
        var first = await job.Submit(TestGrid.Submission());
        var second = await job.Submit(TestGrid.Submission());

        Assert.Equal(first.CreatedAt, second.CreatedAt);
        Assert.Equal([first.Id], (await _grid.Pool.Jobs(TestGrid.Org, null, 10)).JobIds);
    }

    [Fact]
    public async Task Reports_OfAnOldEpochOrRepeated_ChangeNothing()
    {
        var job = await _grid.SubmitAsync();
        var first = await _agent.NextAsync<StartJob>();
        await _agent.AttachedAsync(first);
        await _agent.StepsAsync(first, 1, 3);
        await _agent.StepsAsync(first, 1, 3);
        await _agent.SessionEndedAsync(first.SessionId, new SessionJob(first.Order.JobId, first.Order.Epoch));
        await TestGrid.ReachesAsync(job, JobStatus.Starting);
        var second = await _agent.NextAsync<StartJob>();
        Assert.True(second.Order.Epoch > first.Order.Epoch);
        await _agent.AttachedAsync(second, 2);

        await _agent.FinishedAsync(first);
        await _agent.StepsAsync(first, 4, 9);

        var view = (await job.Get())!;
        Assert.Equal(JobStatus.Running, view.Status);
        Assert.Equal(2, view.Progress.Step);
        Assert.Equal([1, 2], (await job.Metrics(0, 100)).Select(m => m.Step));
    }

    [Fact]
    public async Task Cancel_WhileRunning_FencesStopsAndFreesTheSlot()
    {
        var job = await _grid.SubmitAsync();
        var start = await _agent.NextAsync<StartJob>();
        await _agent.AttachedAsync(start);

        Assert.Equal(JobStatus.Cancelled, (await job.Cancel()).Status);

        var stop = await _agent.NextAsync<StopJob>();
        Assert.False(stop.Checkpoint);
        var other = await _grid.SubmitAsync("\"method\":{\"type\":\"full\"}");
        await _agent.DetachedAsync(start, 0);
        Assert.Equal(JobStatus.Cancelled, (await job.Cancel()).Status);
        Assert.True(_grid.Checkpoints.Epochs[start.Order.JobId] > start.Order.Epoch);
        Assert.Equal(((IGrainWithStringKey)other).GetPrimaryKeyString(), (await _agent.NextAsync<StartJob>()).Order.JobId);
    }

    [Fact]
    public async Task Pause_WhileRunning_RestsUntilResumedAndGoesOn()
    {
        var job = await _grid.SubmitAsync();
        var start = await _agent.NextAsync<StartJob>();
        await _agent.AttachedAsync(start);
        Assert.Equal(JobStatus.Pausing, (await job.Pause()).Status);
        Assert.True((await _agent.NextAsync<StopJob>()).Checkpoint);
        await _agent.CommittedAsync(start, 4);
        await _agent.DetachedAsync(start, 4);
        await TestGrid.ReachesAsync(job, JobStatus.Paused);

        await job.Resume();

        var again = await _agent.NextAsync<StartJob>();
        Assert.Equal(start.Order.JobId, again.Order.JobId);
        Assert.True(again.Order.Epoch > start.Order.Epoch);
    }

    [Fact]
    public async Task Job_WithUnknownTargetModule_FailsNamingWhatThereIs()
    {
        var job = await _grid.SubmitAsync("\"method\":{\"target_modules\":[\"nonsense\"]}");

        var view = await TestGrid.ReachesAsync(job, JobStatus.Failed);

        Assert.Equal("method.target_modules", view.Error!.Field);
        Assert.Contains("down_proj, q_proj", view.Error.Message);
    }

    [Fact]
    public async Task Job_ThatANamedServerCannotServe_FailsBeforeItIsQueued()
    {
        const string unservable = "\"method\":{\"dora\":true},\"strict_serving\":[\"vllm\"]";
        var job = await _grid.SubmitAsync(unservable);

        var view = await TestGrid.ReachesAsync(job, JobStatus.Failed);
        var dry = await Assert.ThrowsAsync<GridException>(() => _grid.NewJob().DryRun(TestGrid.Submission(unservable)));

        Assert.Equal(("strict_serving", 0), (view.Error!.Field, view.Attempt));
        Assert.Contains("method.dora", view.Error.Message, StringComparison.Ordinal);
        Assert.Equal(("strict_serving", view.Error.Message), (dry.Field, dry.Message));
    }

    [Fact]
    public async Task Job_WithAnAdapter_ShowsWhichServersWillLoadIt()
    {
        var job = await _grid.SubmitAsync("\"method\":{\"rank\":32},\"strict_serving\":[\"vllm\",\"tgi\",\"llama.cpp\"]");
        await _agent.NextAsync<StartJob>();

        var serving = (await job.Get())!.Resolved!.Serving!;
        var dry = (await _grid.NewJob().DryRun(TestGrid.Submission("\"method\":{\"rank\":32}"))).Serving;

        Assert.Equal([("vllm", true), ("tgi", true), ("llama.cpp", true)], serving.Select(f => (f.Server, f.Loads)));
        Assert.Equal("--enable-lora --max-lora-rank 32", serving[0].Needs);
        Assert.Equal(serving, dry);
    }

    [Fact]
    public async Task Gate_AboveItsBound_FailsTheJobAndRegistersNothing()
    {
        await _grid.AddDatasetAsync("valid");
        var job = await _grid.SubmitAsync("\"evaluation\":{\"gates\":[{\"metric\":\"train_loss\",\"max\":0.1}]}");
        var start = await _agent.NextAsync<StartJob>();
        await _agent.AttachedAsync(start);
        await _agent.FinishedAsync(start);

        Assert.Equal(ErrorCodes.GateFailed, (await TestGrid.ReachesAsync(job, JobStatus.Failed)).Error!.Code);
        Assert.Null(await _grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).Find(Ids.Adapter, "tuned"));
    }

    [Fact]
    public async Task Model_InUse_IsNotDeletedUntilItsJobEnds()
    {
        var job = await _grid.SubmitAsync();
        var start = await _agent.NextAsync<StartJob>();
        var model = _grid.Grains.GetGrain<IModelGrain>(start.Order.Resolved.ModelId!);

        var refused = await Assert.ThrowsAsync<GridException>(() => model.Delete());
        Assert.Equal(ErrorCodes.InUse, refused.Code);
        Assert.Equal(start.Order.JobId, Assert.Single(refused.Findings).Where);

        await job.Cancel();
        await model.Delete();
        Assert.Null(await model.Get());
    }

    [Fact]
    public async Task DryRun_GivesThePlanAndLeavesNothing()
    {
        var resolved = await _grid.NewJob().DryRun(TestGrid.Submission());

        Assert.Equal(10, resolved.TotalSteps);
        Assert.Equal("exact", resolved.Mode);
        Assert.Empty((await _grid.Pool.Jobs(null, null, 10)).JobIds);
    }

    [Fact]
    public async Task Plan_WhoseProcessDies_IsMadeAgain()
    {
        _grid.Planner.Crashes = 3;
        var job = await _grid.SubmitAsync();
        await _agent.NextAsync<StartJob>();
        Assert.Null((await job.Get())!.Error);
    }

    [Fact]
    public async Task Plan_WhoseProcessAlwaysDies_FailsTheJob()
    {
        _grid.Planner.Crashes = int.MaxValue;
        var job = await _grid.SubmitAsync();
        var view = await TestGrid.ReachesAsync(job, JobStatus.Failed);
        Assert.Equal(ErrorCodes.TrainerCrashed, view.Error!.Code);
        Assert.Equal(int.MaxValue - 4, _grid.Planner.Crashes);
    }

    private async Task<IJobGrain> FinishAsync()
    {
        var job = await _grid.SubmitAsync();
        var start = await _agent.NextAsync<StartJob>();
        await _agent.AttachedAsync(start);
        await _agent.StepsAsync(start, 1, 10);
        await _agent.FinishedAsync(start);
        return job;
    }

    private async Task<Contracts.Adapters.AdapterView> AdapterAsync()
    {
        var id = await _grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).Find(Ids.Adapter, "tuned");
        return (await _grid.Grains.GetGrain<IAdapterGrain>(id!).Get())!;
    }
}
