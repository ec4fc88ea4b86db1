using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>However many real trainers share a job's steps, the bytes are those of one.</summary>
public sealed class GangExactnessTests(Crew crew) : IClassFixture<Crew>
{
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
        Assert.Equal(await CommitsAsync("job-full-one", 1, ExactResumeTests.FromRandomWeights), await CommitsAsync("job-full-three", 3, ExactResumeTests.FromRandomWeights));

    [Fact]
    public async Task Checkpoints_WithDropout_HaveTheBytesOfOneWorker()
    {
        static void Dropout(JsonObject json) => json["method"]!["dropout"] = 0.1;

        Assert.Equal(await CommitsAsync("job-dropout-one", 1, Dropout), await CommitsAsync("job-dropout-two", 2, Dropout));
    }

    [Fact]
    public async Task Result_WhenTheNumberOfWorkersChanges_HasTheBytesOfOneWorker()
    {
        var whole = await StartAsync("job-whole", 1, 1, Lasting);
        var expected = (await whole.FinishAsync()).Result.WeightsSha256;

        foreach (var (epoch, size, asked) in new[] { (1, 2, 1), (2, 1, 0) })
        {
            var run = await StartAsync("job-changing", epoch, size, Stoppable);
            var committed = await run.CommittedAsync();
            Assert.True((await run.LeaveAsync(asked)).CommittedStep >= committed.Step);
        }
        var last = await StartAsync("job-changing", 3, 4, Stoppable);
        var attached = await last.AttachedAsync();
        var finished = await last.FinishAsync();

        // All of them stand where the second attempt had left.
        Assert.True(attached[0].FromStep > 1);
        Assert.All(attached, a => Assert.Equal(attached[0].FromStep, a.FromStep));
        Assert.Equal(expected, finished.Result.WeightsSha256);
    }

    [Fact]
    public async Task FastMode_OfThreeWorkers_AgreesWithExactModeAndWithItself()
    {
        var exact = await StartAsync("job-slow", 1, 1, null);
        var expected = (await exact.FinishAsync()).Result;
        var (fast, again) = (await FastAsync("job-fast"), await FastAsync("job-fast-again"));

        Assert.Equal(fast, again with { TrainSeconds = fast.TrainSeconds });
        Assert.Equal(expected.TrainLoss, fast.TrainLoss, 1e-4);
        Assert.Equal(expected.ValidLoss!.Value, fast.ValidLoss!.Value, 1e-4);

        async Task<JobResult> FastAsync(string jobId)
        {
            var order = crew.Store.Order(jobId);
            var run = await GangRun.StartAsync(crew.Store, order with { Resolved = order.Resolved with { Mode = "fast" } }, crew.Trainers.Take(3));
            return (await run.FinishAsync()).Result;
        }
    }

    /// <summary>With a checkpoint at each meeting its exchange is waited for; else it goes on beside steps, and the job is left amid a round.</summary>
    [Theory]
    [InlineData(5, 5)]
    [InlineData(4, 12)]
    public async Task LocalSteps_OfTwoWorkersThatLeaveAndComeBack_HaveTheBytesOfTwoThatStay(int localSteps, int everySteps)
    {
        var expected = (await (await StartAsync($"job-tight-{localSteps}", 1, 1, Lasting)).FinishAsync()).Result;
        var whole = await StartLocalAsync($"job-staying-{localSteps}", 1, 2, localSteps, everySteps);
        var undisturbed = (await whole.FinishAsync()).Result;
        var first = await LocalAsync(1);
        var committed = await first.CommittedAsync();
        var left = await first.LeaveAsync(1);
        var rest = await LocalAsync(2);
        var attached = await rest.AttachedAsync();
        var result = (await rest.FinishAsync()).Result;

        Assert.Equal(0, committed.Step % everySteps);
        Assert.True(left.CommittedStep >= committed.Step, $"the gang left at step {left.CommittedStep}, after a commit of step {committed.Step}");
        Assert.All(attached, a => Assert.Equal(left.CommittedStep, a.FromStep));
        Assert.Equal(expected.Steps, result.Steps);
        Assert.Equal(undisturbed.WeightsSha256, result.WeightsSha256);
        Assert.True(result.ValidLoss < expected.ValidLoss * 1.05, $"the validation loss is {result.ValidLoss}, that of one worker {expected.ValidLoss}");

        Task<GangRun> LocalAsync(int epoch) => StartLocalAsync($"job-loose-{localSteps}", epoch, 2, localSteps, everySteps);
    }

    [Fact]
    public async Task LocalSteps_WhenTheNumberOfWorkersChanges_GoOnFromTheMeanOfTheWorkers()
    {
        var expected = (await (await StartAsync("job-alone", 1, 1, Lasting)).FinishAsync()).Result;
        var left = 0;
        foreach (var (epoch, size) in new[] { (1, 2), (2, 3), (3, 1) })
        {
            var run = await StartLocalAsync("job-resized", epoch, size, 4, 8);
            Assert.All(await run.AttachedAsync(), a => Assert.Equal(left, a.FromStep));
            if (size == 1)
            {
                var result = (await run.FinishAsync()).Result;
                Assert.True(result.ValidLoss < expected.ValidLoss * 1.05, $"the validation loss is {result.ValidLoss}, that of one worker {expected.ValidLoss}");
                return;
            }
            left = (await run.LeaveAsync(0)).CommittedStep!.Value;
            Assert.NotEqual(expected.Steps, left);
        }
    }

    private Task<GangRun> StartLocalAsync(string jobId, int epoch, int size, int localSteps, int everySteps)
    {
        var order = crew.Store.Order(jobId, epoch, json =>
        {
            Lasting(json);
            json["optimizer"]!["local_steps"] = localSteps;
            json["checkpoint"]!["every_steps"] = everySteps;
            json["resources"] = new JsonObject { ["workers"] = 2 };
            json["mode"] = "fast";
        });
        return GangRun.StartAsync(crew.Store, order with { Resolved = order.Resolved with { Mode = "fast" } }, crew.Trainers.Take(size));
    }

    /// <summary>30 steps: a trainer that is told to stop at its first ones has not ended before it hears of it.</summary>
    internal static void Lasting(JsonObject json) => json["optimizer"]!["epochs"] = 6;

    internal static void Stoppable(JsonObject json)
    {
        Lasting(json);
        json["checkpoint"]!["every_steps"] = 1;
    }

    private Task<GangRun> StartAsync(string jobId, int epoch, int size, Action<JsonObject>? change) =>
        GangRun.StartAsync(crew.Store, crew.Store.Order(jobId, epoch, change), crew.Trainers.Take(size));

    private async Task<List<(int Step, string Weights, string Optimizer)>> CommitsAsync(string jobId, int size, Action<JsonObject>? change = null)
    {
        var run = await StartAsync(jobId, 1, size, change);
        await run.FinishAsync();
        return run.Commits();
    }
}
