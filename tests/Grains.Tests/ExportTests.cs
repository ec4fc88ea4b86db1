using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests;

/// <summary>An export from the request to the record in the store.</summary>
public sealed class ExportTests : IAsyncLifetime
{
    private const string Prefix = "adapters/adp-1/2/exports/gguf/";

    private TestGrid _grid = null!;
    private FakeAgent _agent = null!;

    private IExportGrain Export => _grid.Grains.GetGrain<IExportGrain>(Prefix);

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync();
        _agent = await FakeAgent.StartAsync(_grid);
    }

    public async Task DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Begin_Twice_IsOneTask_AndWhatItLeftIsTheAnswer()
    {
        Assert.Equal(new ExportView("gguf", ExportStatus.Absent), await Export.Get());

        Assert.Equal(ExportStatus.Running, (await Export.Begin("n1", Task("task-1"))).Status);
        Assert.Equal(ExportStatus.Running, (await Export.Begin("n1", Task("task-2"))).Status);
        var command = await _agent.NextAsync<RunTask>();
        Assert.Equal("task-1", command.Task.TaskId);
        await _grid.Blobs.WriteJsonAsync(Prefix + ExportProgress.FileName, new ExportProgress("merging", 0.5), options: GridJson.Options);
        Assert.Equal(new ExportProgress("merging", 0.5), (await Export.Get()).Progress);
        var record = await LeaveRecordAsync();
        await ReplyAsync(new TrainerTaskReply("task-1", Export: record));

        var ready = await EndedAsync();
        Assert.Equal((ExportStatus.Ready, "adapter.gguf"), (ready.Status, Assert.Single(ready.Files!).Path));
        Assert.Equal(0.25, ready.Report!.Parity.MaxLogitDifference);
        Assert.Equal(ExportStatus.Ready, (await Export.Begin("n1", Task("task-3"))).Status);
        // A new activation knows it from the store alone.
        await _grid.Blobs.DeleteAsync(Prefix + ExportRecord.FileName);
        Assert.Equal(ExportStatus.Absent, (await Export.Get()).Status);
    }

    [Fact]
    public async Task Begin_AfterAFailure_SaysWhyAndTriesAgain()
    {
        await Export.Begin("n1", Task("task-1"));
        await _agent.NextAsync<RunTask>();
        await ReplyAsync(new TrainerTaskReply("task-1", new GridError(ErrorCodes.UnsupportedModel, "no place for it", "model_type")));

        var failed = await EndedAsync();
        Assert.Equal((ExportStatus.Failed, ErrorCodes.UnsupportedModel, "model_type"), (failed.Status, failed.Error!.Code, failed.Error.Field));
        Assert.Equal(ExportStatus.Running, (await Export.Begin("n1", Task("task-2"))).Status);
        Assert.Equal("task-2", (await _agent.NextAsync<RunTask>()).Task.TaskId);
    }

    [Fact]
    public async Task Begin_OnANodeThatIsNotThere_Fails()
    {
        await Export.Begin("nowhere", Task("task-1"));

        var failed = await EndedAsync();
        Assert.Equal((ExportStatus.Failed, ErrorCodes.Unavailable), (failed.Status, failed.Error!.Code));
    }

    private static TrainerTask Task(string id)
    {
        var model = new ModelManifest("m", "d", "llama", 1, "F32", 64, 32, null, null, null, [], []);
        return new TrainerTask(id, new BlobAccess(LocalRoot: "/nowhere"), "cpu", 1, model, null, Export: new ExportTask("gguf", null, "team/a@2", Prefix));
    }

    private async Task<ExportRecord> LeaveRecordAsync()
    {
        var record = new ExportRecord([new SourceFile("adapter.gguf", Prefix + "x", 3, new string('0', 64))],
            new ExportReport("team/a@2", "gguf", "f32", "d", new ExportParityView("built-in", 10, 0.25, 4, 1), [], 1));
        await _grid.Blobs.WriteJsonAsync(Prefix + ExportRecord.FileName, record, options: GridJson.Options);
        return record;
    }

    private Task ReplyAsync(TrainerTaskReply reply) =>
        _grid.Grains.GetGrain<INodeGrain>("n1").Report(_agent.Incarnation, new List<NodeReport> { new(reply.TaskId, Task: reply) });

    private async Task<ExportView> EndedAsync()
    {
        using var limit = new CancellationTokenSource(TestGrid.Limit);
        ExportView view;
        while ((view = await Export.Get()).Status == ExportStatus.Running)
            await System.Threading.Tasks.Task.Delay(20, limit.Token);
        return view;
    }
}
