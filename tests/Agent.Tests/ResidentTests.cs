using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Agent.Tests;

/// <summary>Bases that an agent keeps in memory, in processes of the real trainer.</summary>
public sealed class ResidentTests : IDisposable
{
    private readonly TestStore _store = new();
    private readonly FakeNode _node = new();

    public void Dispose() => _store.Dispose();

    private string Residents => Path.Combine(_store.Root, "nodes", "node-1", "residents");

    [Fact]
    public async Task Questions_AboutOneBase_GoToOneProcess_AndAreToldAsTheyGrow()
    {
        await using (var agent = new AgentUnderTest(_store, _node))
        {
            await AskAsync("task-1", new CompletionTask(["hello"], false, 5, 0, 1, 0));
            await AskAsync("task-2", new CompletionTask(["hello"], false, 40, 0, 1, 0, Stream: true));
            var (first, second) = (await ReplyAsync("task-1"), await ReplyAsync("task-2"));

            Assert.StartsWith(first.Completions![0].Text, second.Completions![0].Text, StringComparison.Ordinal);
            await _node.UntilSaidAsync("task-2");
            Assert.DoesNotContain(_node.Said, s => s.TaskId == "task-1");
            Assert.StartsWith(_node.Said.First(s => s.TaskId == "task-2").Pieces[0].Text, second.Completions[0].Text, StringComparison.Ordinal);

            var resident = Assert.Single(Directory.GetDirectories(Residents));
            await AskAsync("task-3", new CompletionTask(["a"], false, 2, 0, 1, 0));
            Assert.Null((await ReplyAsync("task-3")).Error);
            Assert.Equal([resident], Directory.GetDirectories(Residents));
            // Another organisation's questions are answered in another process.
            await AskAsync("task-4", new CompletionTask(["a"], false, 2, 0, 1, 0), org: "other");
            Assert.Null((await ReplyAsync("task-4")).Error);
            Assert.Equal(2, Directory.GetDirectories(Residents).Length);
            await agent.StopAsync();
        }
        Assert.Empty(Directory.GetDirectories(Residents));
    }

    [Fact]
    public async Task Question_ThatIsStopped_IsGivenUp_AndTheProcessAnswersTheNext()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        await AskAsync("task-long", new CompletionTask([.. Enumerable.Repeat("hello", 256)], false, 80, 2, 1, 0, Stream: true));
        await _node.UntilSaidAsync("task-long");

        await _node.Send(new StopTask("task-long"));

        Assert.Contains("stopped", (await ReplyAsync("task-long")).Error!.Message, StringComparison.Ordinal);
        await AskAsync("task-next", new CompletionTask(["a"], false, 2, 0, 1, 0));
        Assert.Null((await ReplyAsync("task-next")).Error);
        Assert.Single(Directory.GetDirectories(Residents));
    }

    [Fact]
    public async Task Question_AboutABaseThatIsNotThere_IsRefusedWithTheReason()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var model = _store.Model with { Files = [.. _store.Model.Files.Where(f => f.Path != "config.json")] };

        await _node.Send(new RunTask(new TrainerTask("task-f", _store.Access, "cpu", 1, model, null, new CompletionTask(["a"], false, 2, 0, 1, 0))));

        var error = (await ReplyAsync("task-f")).Error!;
        Assert.Equal(ErrorCodes.NotFound, error.Code);
        Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
    }

    private Task AskAsync(string id, CompletionTask completion, string org = "team") =>
        _node.Send(new RunTask(new TrainerTask(id, _store.Access, "cpu", 1, _store.Model, null, completion, Org: org)));

    private async Task<TrainerTaskReply> ReplyAsync(string id) => (await _node.UntilAsync(r => r.Task?.TaskId == id, $"the reply of {id}")).Task!;
}
