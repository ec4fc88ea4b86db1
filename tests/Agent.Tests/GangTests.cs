using System.Diagnostics;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Agent.Tests;

/// <summary>Two workers of one job on one node: the agent with a node's grain in memory and real trainer processes.</summary>
public sealed class GangTests : IDisposable
{
    private const string First = "session-a";
    private const string Second = "session-a.1";

    private readonly TestStore _store = new();
    private readonly FakeNode _node = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Registration_SaysThatItsTrainersCanExchangeGradients()
    {
        await using var agent = new AgentUnderTest(_store, _node, slots: 2);
        await _node.UntilRegisteredAsync(1);

        Assert.Equal([NodeFeatures.Collectives], _node.Registrations[0].Features!);
        Assert.Equal(2, _node.Registrations[0].Slots.Count);
    }

    [Fact]
    public async Task Gang_Started_MeetsAndMakesTheBytesOfOneWorker()
    {
        await using var agent = new AgentUnderTest(_store, _node, slots: 2);
        var alone = await OrderAsync("job-00000000000000000000000021");
        await _node.Send(new StartJob("session-alone", 0, alone));
        var expected = (await _node.UntilAsync<JobFinished>()).Result;

        var order = await OrderAsync("job-00000000000000000000000022");
        await StartAsync(order);
        var finished = await _node.UntilAsync<JobFinished>(f => f.JobId == order.JobId);
        await _node.UntilAsync(r => r is { SessionId: Second, Report: JobDetached }, "the second worker's leave");

        Assert.Equal(expected.WeightsSha256, finished.Result.WeightsSha256);
        Assert.Equal("127.0.0.1", _node.Reports.Select(r => r.Report).OfType<JobMeeting>().Single().Host);
        await agent.StopAsync();
        Assert.Single(await LogsAsync($"jobs/{order.JobId}/log/"));
        Assert.Single(await LogsAsync($"jobs/{order.JobId}/worker-log/0001/"));
    }

    [Theory]
    [InlineData(First, Second)]
    [InlineData(Second, First)]
    public async Task Gang_WorkerKilled_TheOtherEndsAndIsNoCrash(string victim, string other)
    {
        await using var agent = new AgentUnderTest(_store, _node, slots: 2);
        await StartAsync(await OrderAsync("job-00000000000000000000000023", Endless));
        await _node.UntilAsync<JobSteps>();

        Process.GetProcessById(await PidAsync(victim)).Kill();
        var crash = (await _node.UntilAsync(r => r.SessionId == victim && r.Ended is not null, "the end of the killed worker")).Ended!;
        var broken = (await _node.UntilAsync(r => r.SessionId == other && r.Ended is not null, "the end of the other worker")).Ended!;

        Assert.Equal("SIGKILL", crash.Signal);
        Assert.Equal(TrainerProtocol.GangBrokenExitCode, broken.ExitCode);
        Assert.Single(broken.Jobs);
    }

    [Fact]
    public async Task Gang_OfADroppedAgent_IsAdoptedByTheNext()
    {
        await using (var first = new AgentUnderTest(_store, _node, slots: 2))
        {
            await StartAsync(await OrderAsync("job-00000000000000000000000024", Endless));
            await _node.UntilAsync<JobSteps>();
            await first.DropAsync();
        }
        await using var second = new AgentUnderTest(_store, _node, slots: 2);
        await _node.UntilRegisteredAsync(2);
        var last = _node.Reports.Select(r => r.Report).OfType<JobSteps>().Last().Steps[^1].Step;
        await _node.UntilAsync<JobSteps>(s => s.Steps[^1].Step > last + 1);

        Assert.Equal([(First, 0), (Second, 1)], _node.Registrations[1].Sessions.Select(s => (s.SessionId, s.Slot)).Order());
        await _node.Send(new StopJob(First, "job-00000000000000000000000024", 1, Checkpoint: true, "pause"));
        var left = (JobDetached)(await _node.UntilAsync(r => r is { SessionId: First, Report: JobDetached }, "the first worker's leave")).Report!;
        await _node.UntilAsync(r => r is { SessionId: Second, Report: JobDetached }, "the second worker's leave");

        Assert.Equal(left.CommittedStep!.Value, (await _store.ResultAsync(left.JobId)).Step);
        await second.StopAsync();
    }

    /// <summary>As the job's grain does it: the first worker, then, once it says where to meet, the other.</summary>
    private async Task StartAsync(TrainingOrder order)
    {
        await _node.Send(new StartJob(First, 0, order with { Gang = new GangMembership(0, 2) }));
        var meeting = await _node.UntilAsync<JobMeeting>(m => m.JobId == order.JobId);
        await _node.Send(new StartJob(Second, 1, order with { Gang = new GangMembership(1, 2, $"{meeting.Host}:{meeting.Port}") }));
    }

    private async Task<int> PidAsync(string session) =>
        ((SessionReady)(await _node.UntilAsync(r => r.SessionId == session && r.Report is SessionReady, $"the start of {session}")).Report!).Pid;

    private async Task<List<string>> LogsAsync(string prefix)
    {
        var found = new List<string>();
        await foreach (var blob in _store.Blobs.ListAsync(prefix)) found.Add(blob.Key);
        return found;
    }

    private async Task<TrainingOrder> OrderAsync(string jobId, Action<JsonObject>? change = null)
    {
        var order = _store.Order(jobId, 1, change);
        await _store.FenceAsync(order);
        return order;
    }

    private static void Endless(JsonObject json)
    {
        json["optimizer"]!["epochs"] = 20_000;
        json["checkpoint"]!["every_steps"] = 1_000_000;
    }
}
