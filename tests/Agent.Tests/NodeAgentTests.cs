using System.Diagnostics;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Agent.Tests;

/// <summary>The agent with a node's grain in memory and real trainer processes.</summary>
public sealed class NodeAgentTests : IDisposable
{
    private readonly TestStore _store = new();
    private readonly FakeNode _node = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Job_Started_IsReportedToItsEndAndLogged()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var order = await OrderAsync("job-00000000000000000000000001");

        await _node.Send(new StartJob("session-a", 0, order));
        var finished = await _node.UntilAsync<JobFinished>();

        Assert.True((await _store.ResultAsync(order.JobId)).Finished);
        Assert.Equal(10, finished.Result.Steps);
        var reported = _node.Reports.Select(r => r.Report).OfType<TrainerReport>().Select(r => r.Seq).ToList();
        Assert.Equal(Enumerable.Range(1, reported.Count).Select(i => (long)i), reported);
        await agent.StopAsync();
        Assert.Contains("step 10/10", await LogAsync(order.JobId));
    }

    [Fact]
    public async Task Registration_SaysWhatTheMachineIs()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        await _node.UntilRegisteredAsync(1);

        var slot = Assert.Single(_node.Registrations[0].Slots);

        Assert.Equal(("cpu", 1), (slot.Device, slot.Threads));
        Assert.True(slot.MemoryBytes > 0);
        Assert.Contains(";", slot.Hardware);
    }

    [Fact]
    public async Task Trainer_OfADroppedAgent_IsAdoptedByTheNext()
    {
        var order = await OrderAsync("job-00000000000000000000000002", Endless);
        int pid;
        await using (var first = new AgentUnderTest(_store, _node))
        {
            await _node.Send(new StartJob("session-b", 0, order));
            await _node.UntilAsync<JobSteps>();
            pid = (await _node.UntilAsync<SessionReady>()).Pid;
            await first.DropAsync();
        }
        Assert.False(Process.GetProcessById(pid).HasExited);

        await using var second = new AgentUnderTest(_store, _node);
        await _node.UntilRegisteredAsync(2);
        var last = _node.Reports.Select(r => r.Report).OfType<JobSteps>().Last().Steps[^1].Step;
        await _node.UntilAsync<JobSteps>(s => s.Steps[^1].Step > last + 1);

        var adopted = Assert.Single(_node.Registrations[1].Sessions);
        Assert.Equal(("session-b", order.JobId), (adopted.SessionId, adopted.Jobs[0].JobId));
        Assert.Single(_node.Reports, r => r.Report is SessionReady or JobAttached && r.Report.Seq == 1);
        await second.StopAsync();
        await GoneAsync(pid);
    }

    [Fact]
    public async Task Trainer_KilledWhileAdopted_IsReportedWithItsJobs()
    {
        var order = await OrderAsync("job-00000000000000000000000003", Endless);
        await using (var first = new AgentUnderTest(_store, _node))
        {
            await _node.Send(new StartJob("session-c", 0, order));
            await _node.UntilAsync<JobSteps>();
            await first.DropAsync();
        }
        await using var second = new AgentUnderTest(_store, _node);
        await _node.UntilRegisteredAsync(2);

        Process.GetProcessById((await _node.UntilAsync<SessionReady>()).Pid).Kill();
        var ended = (await _node.UntilAsync(r => r.Ended is not null, "the session's end")).Ended!;

        Assert.Equal(order.JobId, Assert.Single(ended.Jobs).JobId);
        Assert.Contains("step", ended.LogTail);
    }

    [Fact]
    public async Task Trainer_Killed_IsReportedWithItsSignalAndItsJobStartsAgain()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var order = await OrderAsync("job-00000000000000000000000004", json => { Endless(json); json["checkpoint"]!["every_steps"] = 1; });
        await _node.Send(new StartJob("session-d", 0, order));
        await _node.UntilAsync<JobCommitted>();

        Process.GetProcessById((await _node.UntilAsync<SessionReady>()).Pid).Kill();
        var ended = (await _node.UntilAsync(r => r.Ended is not null, "the session's end")).Ended!;
        Assert.Equal("SIGKILL", ended.Signal);

        var again = await OrderAsync(order.JobId, Endless, epoch: 2);
        await _node.Send(new StartJob("session-d", 0, again));
        var attached = await _node.UntilAsync<JobAttached>(a => a.Epoch == 2);
        Assert.True(attached.FromStep >= 1);
    }

    [Fact]
    public async Task Order_ThatCouldNotBeWrittenDownAtFirst_IsCarriedOut()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        await _node.UntilPolledAsync(1);
        var order = await OrderAsync("job-00000000000000000000000017");
        var folder = Path.Combine(_store.Root, "nodes", "node-1", "sessions", "session-n");
        // A directory in its place keeps the order's file from being made, as a full disk does.
        var obstacle = Directory.CreateDirectory(Path.Combine(folder, "orders", $"{order.JobId}.{order.Epoch:D6}.json.new"));

        await _node.Send(new StartJob("session-n", 0, order));
        await _node.UntilPolledAsync(2); // It has failed, and asks for the command again.
        Assert.DoesNotContain(_node.Reports, r => r.SessionId == "session-n");
        obstacle.Delete();

        Assert.Equal(10, (await _node.UntilAsync<JobFinished>()).Result.Steps);
        await agent.StopAsync();
    }

    [Fact]
    public async Task Slot_GivenToAnotherSession_IsLeftByTheIdleTrainer()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var first = await OrderAsync("job-00000000000000000000000011");
        await _node.Send(new StartJob("session-j", 0, first));
        await _node.UntilAsync<JobFinished>();

        var second = await OrderAsync("job-00000000000000000000000012", Endless);
        await _node.Send(new StartJob("session-k", 0, second));
        await _node.UntilAsync<JobSteps>(s => s.JobId == second.JobId);

        var ended = (await _node.UntilAsync(r => r.SessionId == "session-j" && r.Ended is not null, "the end of the idle session")).Ended!;
        Assert.Equal((0, null, 0), (ended.ExitCode, ended.Signal, ended.Jobs.Count));
    }

    [Fact]
    public async Task Job_Stopped_LeavesWithACheckpoint()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var order = await OrderAsync("job-00000000000000000000000005", Endless);
        await _node.Send(new StartJob("session-e", 0, order));
        await _node.UntilAsync<JobSteps>();

        await _node.Send(new StopJob("session-e", order.JobId, order.Epoch, Checkpoint: true, "pause"));
        var left = await _node.UntilAsync<JobDetached>();

        Assert.Equal("pause", left.Reason);
        Assert.Equal(left.CommittedStep!.Value, (await _store.ResultAsync(order.JobId)).Step);
    }

    [Fact]
    public async Task Node_Stopped_CheckpointsItsJobsAndLeavesNoOrphan()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var order = await OrderAsync("job-00000000000000000000000006", Endless);
        await _node.Send(new StartJob("session-f", 0, order));
        await _node.UntilAsync<JobSteps>();

        await agent.StopAsync();

        var left = await _node.UntilAsync<JobDetached>();
        Assert.True(left.CommittedStep > 0);
        Assert.True(_node.SaidGoodbye);
        await GoneAsync((await _node.UntilAsync<SessionReady>()).Pid);
    }

    [Fact]
    public async Task Reports_WhoseReplyWasLost_ComeAgainAndInOrder()
    {
        _node.LostReplies = 2;
        await using var agent = new AgentUnderTest(_store, _node);
        var order = await OrderAsync("job-00000000000000000000000007");

        await _node.Send(new StartJob("session-g", 0, order));
        await _node.UntilAsync<JobFinished>();

        var seen = new List<long>();
        foreach (var seq in _node.Reports.Select(r => r.Report).OfType<TrainerReport>().Select(r => r.Seq))
            if (!seen.Contains(seq)) seen.Add(seq);
        Assert.Equal(Enumerable.Range(1, seen.Count).Select(i => (long)i), seen);
    }

    [Fact]
    public async Task Session_StartedAgainByALaterAgent_IsReportedFromItsFirstReport()
    {
        await using (var first = new AgentUnderTest(_store, _node))
        {
            await _node.Send(new StartJob("session-m", 0, await OrderAsync("job-00000000000000000000000014")));
            await _node.UntilAsync<JobFinished>();
            await first.StopAsync();
        }
        var before = _node.Reports.Count;

        await using var second = new AgentUnderTest(_store, _node);
        var again = await OrderAsync("job-00000000000000000000000015");
        await _node.Send(new StartJob("session-m", 0, again));
        await _node.UntilAsync<JobFinished>(f => f.JobId == again.JobId);

        // From 1, or on from the first trainer where its folder was not cleared away before the first agent ended.
        var reports = _node.Reports.Skip(before).Select(r => r.Report).OfType<TrainerReport>().SkipWhile(r => r is not SessionReady).ToList();
        Assert.NotEmpty(reports);
        Assert.Equal(Enumerable.Range(0, reports.Count).Select(i => reports[0].Seq + i), reports.Select(r => r.Seq));
    }

    [Fact]
    public async Task Session_KilledByCommand_EndsWithTheReasonAndNotAsACrash()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var order = await OrderAsync("job-00000000000000000000000013", Endless);
        await _node.Send(new StartJob("session-l", 0, order));
        await _node.UntilAsync<JobSteps>();

        await _node.Send(new StopSession("session-l", Kill: true, "it did not stop"));
        var ended = (await _node.UntilAsync(r => r.Ended is not null, "the session's end")).Ended!;

        Assert.Equal("SIGKILL", ended.Signal);
        Assert.Equal(order.JobId, Assert.Single(ended.Jobs).JobId);
        Assert.Equal(ErrorCodes.Unavailable, ended.Asked!.Code);
        Assert.Contains("it did not stop", ended.Asked.Message);
    }

    [Fact]
    public async Task Stop_OfASessionThatIsNotThere_IsAnswered()
    {
        await using var agent = new AgentUnderTest(_store, _node);

        await _node.Send(new StopJob("session-none", "job-none", 3, Checkpoint: true, "cancel"));
        var answer = await _node.UntilAsync(r => r.Ended is not null, "the answer");

        Assert.Equal(new SessionJob("job-none", 3), Assert.Single(answer.Ended!.Jobs));
        Assert.NotNull(answer.Ended.Asked);
    }

    [Fact]
    public async Task Task_Run_IsAnswered()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        var task = new TrainerTask("task-1", _store.Access, "cpu", 1, _store.Model, null, Plan: new PlanTask(_store.Order("job-plan", 0)));

        await _node.Send(new RunTask(task));
        var reply = (await _node.UntilAsync(r => r.Task is not null, "the task's reply")).Task!;

        Assert.Null(reply.Error);
        Assert.Equal(10, reply.Plan!.TotalSteps);
        Assert.True(reply.Plan.TrainableParameters > 0);
    }

    [Fact]
    public async Task Agent_InAFolderThatIsInUse_IsRefused()
    {
        await using var agent = new AgentUnderTest(_store, _node);
        await _node.UntilRegisteredAsync(1);

        var second = new AgentUnderTest(_store, new FakeNode());

        Assert.Equal(ErrorCodes.InUse, (await Assert.ThrowsAsync<GridException>(() => second.Completion)).Code);
    }

    private static void Endless(System.Text.Json.Nodes.JsonObject json)
    {
        json["optimizer"]!["epochs"] = 20_000;
        json["checkpoint"]!["every_steps"] = 1_000_000;
    }

    private async Task<TrainingOrder> OrderAsync(string jobId, Action<System.Text.Json.Nodes.JsonObject>? change = null, int epoch = 1)
    {
        var order = _store.Order(jobId, epoch, change);
        await _store.FenceAsync(order);
        return order;
    }

    private async Task<string> LogAsync(string jobId)
    {
        var text = new System.Text.StringBuilder();
        await foreach (var blob in _store.Blobs.ListAsync($"jobs/{jobId}/log/"))
            text.Append(System.Text.Encoding.UTF8.GetString((await Storage.BlobStoreExtensions.ReadAllBytesAsync(_store.Blobs, blob.Key))!.Value.Bytes));
        return text.ToString();
    }

    private static async Task GoneAsync(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (ArgumentException)
        {
            // It is gone already.
        }
    }
}
