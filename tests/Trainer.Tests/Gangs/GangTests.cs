using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>Several real trainers at one job: the same bytes as one, and a clear end where one of them is lost.</summary>
public sealed partial class GangTests : IDisposable
{
    private const int SigStop = 19;

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Checkpoints_OfTwoAndFourWorkers_HaveTheBytesOfOne()
    {
        var one = await CommitsAsync("job-one", 1);

        Assert.Equal(one, await CommitsAsync("job-two", 2));
        Assert.Equal(one, await CommitsAsync("job-four", 4));
        Assert.True(one.Count >= 4);
    }

    [Fact]
    public async Task Checkpoints_OfAllParametersByThreeWorkers_HaveTheBytesOfOne() =>
        Assert.Equal(await CommitsAsync("job-full-one", 1, FromRandomWeights), await CommitsAsync("job-full-three", 3, FromRandomWeights));

    [Fact]
    public async Task Result_WhenTheNumberOfWorkersChanges_HasTheBytesOfOneWorker()
    {
        var expected = (await FinishAsync(_store.Order("job-whole", change: Lasting), 1)).Result.WeightsSha256;

        await LeaveAsync(_store.Order("job-changing", 1, Stoppable), 2, asked: 0);
        await LeaveAsync(_store.Order("job-changing", 2, Stoppable), 1, asked: 0);
        await using var last = await GangRun.StartAsync(_store, _store.Order("job-changing", 3, Stoppable), 4);
        var attached = await last.UntilAllAsync<JobAttached>();
        var finished = await last.FinishAsync();

        // All of them stand where the second attempt had left.
        Assert.True(attached[0].FromStep > 1);
        Assert.All(attached, a => Assert.Equal(attached[0].FromStep, a.FromStep));
        Assert.Equal(expected, finished.Result.WeightsSha256);
    }

    [Fact]
    public async Task Detach_OfAnyWorker_MakesAllLeaveAtOneStepWithACommit() =>
        Assert.True((await LeaveAsync(_store.Order("job-asked", 1, Stoppable), 2, asked: 1)).CommittedStep > 0);

    [Fact]
    public async Task Worker_WhenAnotherIsKilled_EndsForThatReasonAndTheJobGoesOn()
    {
        var expected = (await FinishAsync(_store.Order("job-whole", change: Lasting), 1)).Result.WeightsSha256;
        await using (var run = await GangRun.StartAsync(_store, _store.Order("job-lost", 1, Stoppable), 2))
        {
            await run.First.UntilAsync<JobCommitted>();

            run.Workers[1].Process.Kill();

            Assert.Equal(TrainerProtocol.GangBrokenExitCode, await run.First.ExitAsync());
            Assert.Contains("lost its gang", await run.First.Output);
            Assert.DoesNotContain(run.First.Reports, r => r is JobFailed);
        }
        var next = await FinishAsync(_store.Order("job-lost", 2, Stoppable), 1);
        Assert.Equal(expected, next.Result.WeightsSha256);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Worker_WhenAnotherStandsStill_EndsForThatReason(int stopped)
    {
        await using var run = await GangRun.StartAsync(_store, _store.Order("job-still", 1, Stoppable), 2, silenceSeconds: 3);
        await run.First.UntilAsync<JobCommitted>();

        _ = Kill(run.Workers[stopped].Process.Id, SigStop);

        Assert.Equal(TrainerProtocol.GangBrokenExitCode, await run.Workers[1 - stopped].ExitAsync());
        Assert.Contains($"worker {stopped} gave no sign of life", await run.Workers[1 - stopped].Output);
    }

    [Fact]
    public async Task Workers_OfAnotherAttempt_NeverMeet()
    {
        var order = _store.Order("job-late", 2, Stoppable);
        await _store.FenceAsync(order);
        await using var first = await FakeAgent.StartAsync(_store);
        await first.SendAsync(new Attach(order with { Gang = new GangMembership(0, 2) }));
        var meeting = await first.UntilAsync<JobMeeting>();
        await using var stale = await FakeAgent.StartAsync(_store);
        await stale.SendAsync(new Attach(order with { Epoch = 1, Gang = new GangMembership(1, 2, $"{meeting.Host}:{meeting.Port}") }));
        await using var fresh = await FakeAgent.StartAsync(_store);
        await fresh.SendAsync(new Attach(order with { Gang = new GangMembership(1, 2, $"{meeting.Host}:{meeting.Port}") }));

        await Task.WhenAll(first.UntilAsync<JobAttached>(), fresh.UntilAsync<JobAttached>());
        await stale.SendAsync(new Detach("job-late", 1, Checkpoint: true, "test"));
        var left = await stale.UntilAsync<JobDetached>();

        Assert.Null(left.CommittedStep);
        Assert.DoesNotContain(stale.Reports, r => r is JobAttached);
    }

    [Fact]
    public async Task Attach_OfAGangBesideAnotherJob_IsRefused()
    {
        var order = _store.Order("job-beside", 1, Stoppable);
        await _store.FenceAsync(order);
        await using var run = await GangRun.StartAsync(_store, _store.Order("job-alone", 1, Stoppable), 1);

        await run.First.SendAsync(new Attach(order with { Gang = new GangMembership(0, 2) }));
        var failed = await run.First.UntilAsync<JobFailed>();

        Assert.Equal((ErrorCodes.Unavailable, true), (failed.Error.Code, failed.Retryable));
    }

    /// <summary>Digests of weights and optimizer at every commit.</summary>
    private async Task<List<(int Step, string Weights, string Optimizer)>> CommitsAsync(string jobId, int size, Action<JsonObject>? change = null)
    {
        await using var run = await GangRun.StartAsync(_store, _store.Order(jobId, change: change), size);
        await run.FinishAsync();
        return [.. run.First.Reports.OfType<JobCommitted>().Select(c => (c.Step, c.AdapterSha256, c.OptimizerSha256))];
    }

    private async Task<JobFinished> FinishAsync(TrainingOrder order, int size)
    {
        await using var run = await GangRun.StartAsync(_store, order, size);
        return await run.FinishAsync();
    }

    /// <summary>Trains to its first commit, tells one worker to leave, and waits until all have left.</summary>
    private async Task<JobDetached> LeaveAsync(TrainingOrder order, int size, int asked)
    {
        await using var run = await GangRun.StartAsync(_store, order, size);
        await run.First.UntilAsync<JobCommitted>();
        await run.Workers[asked].SendAsync(new Detach(order.JobId, order.Epoch, Checkpoint: true, "test"));
        var left = await run.UntilAllAsync<JobDetached>();
        Assert.All(left.Skip(1), l => Assert.Null(l.CommittedStep));
        var codes = await Task.WhenAll(run.Workers.Select(w => w.ShutdownAsync()));
        Assert.All(codes, code => Assert.Equal(0, code));
        return left[0];
    }

    /// <summary>Long enough that a trainer which is told to stop has not ended before it hears of it.</summary>
    private static void Lasting(JsonObject json) => json["optimizer"]!["epochs"] = 12;

    private static void Stoppable(JsonObject json)
    {
        Lasting(json);
        json["checkpoint"]!["every_steps"] = 1;
    }

    private static void FromRandomWeights(JsonObject json)
    {
        json["base_model"] = JsonNode.Parse("""
            {"init": {"model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                      "num_key_value_heads": 1, "vocab_size": 320, "max_position_embeddings": 96, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                      "tie_word_embeddings": true}, "tokenizer": "tiny"}
            """);
        json["method"] = new JsonObject { ["type"] = "full" };
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
