using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Agent.Tests;

/// <summary>Verifications beside an agent's other work: one at a time, and ended when nobody waits for them.</summary>
public sealed class VerificationTaskTests : IDisposable
{
    private const int FarAway = 90_000;

    private readonly TestStore _store = new();
    private readonly FakeNode _node = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Verification_ThatIsStopped_EndsAndGivesItsPlaceToTheNext()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var order = _store.Order("job-trained");
        await _store.FenceAsync(order);
        await _node.Send(new StartJob("session-v", 0, order));
        var (from, to) = (await _node.UntilAsync<JobCommitted>(c => c.Step == 3), await _node.UntilAsync<JobCommitted>(c => c.Step == 6));
        var endless = await EndlessAsync(from.ManifestKey);

        await _node.Send(new RunTask(Task("task-1", endless)));
        await _node.Send(new RunTask(Task("task-2", endless)));
        var refused = await ReplyAsync(r => r.Error is not null);
        Assert.Equal(ErrorCodes.Unavailable, refused.Error!.Code);
        Assert.Contains("Another verification", refused.Error.Message);

        var other = refused.TaskId == "task-1" ? "task-2" : "task-1";
        await _node.Send(new StopTask(other));
        Assert.Contains("stopped", (await ReplyAsync(r => r.TaskId == other)).Error!.Message);

        await _node.Send(new RunTask(Task("task-3", new VerificationTask(order, from.ManifestKey, to.ManifestKey))));
        var verified = await ReplyAsync(r => r.TaskId == "task-3");
        Assert.True(verified.Verification?.Identical, verified.Error?.Message);
    }

    /// <summary>A window that nobody lives to see the end of: the same state as of a far later step.</summary>
    private async Task<VerificationTask> EndlessAsync(string manifest)
    {
        var (source, copy) = (new CheckpointStore(_store.Blobs, "job-trained"), new CheckpointStore(_store.Blobs, "job-endless"));
        var found = (await source.OpenAsync(manifest)).Manifest;
        var parts = new List<CheckpointPart>();
        foreach (var part in found.Parts) parts.Add(new CheckpointPart(part.Name, await source.ReadPartAsync(part)));
        await copy.FenceAsync(1, "test");
        var begin = await copy.CommitAsync(new CheckpointCommit(1, found.Step, found.Cursor, parts));
        var end = await copy.CommitAsync(new CheckpointCommit(1, FarAway, found.Cursor, parts));
        var order = _store.Order("job-endless", change: json => json["optimizer"]!["epochs"] = 20_000);
        return new VerificationTask(order, begin.Head.Newest!.Manifest, end.Head.Newest!.Manifest);
    }

    private TrainerTask Task(string id, VerificationTask verification) => new(id, _store.Access, "cpu", 1, _store.Model, null, Verification: verification);

    private async Task<TrainerTaskReply> ReplyAsync(Func<TrainerTaskReply, bool> which) =>
        (await _node.UntilAsync(r => r.Task is { } reply && which(reply), "the task's reply")).Task!;
}
