using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Shards;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>How a step is cut into micro-batches changes neither its loss nor its gradient, beyond rounding.</summary>
public sealed class AccumulationTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Losses_OfSmallAndLargeMicroBatches_Agree()
    {
        var small = await LossesAsync("job-small", 24, packing: true);
        var large = await LossesAsync("job-large", 4096, packing: true);
        var unpacked = await LossesAsync("job-unpacked", 4096, packing: false);

        Assert.Equal(10, small.Count);
        foreach (var (a, b, c) in small.Zip(large, unpacked))
        {
            Assert.Equal(a, b, 1e-4);
            Assert.Equal(a, c, 1e-4);
        }
    }

    [Fact]
    public async Task Gradient_OfAccumulatedMicroBatches_EqualsThatOfOneBatch()
    {
        var order = _store.Order("job-gradient");
        using var models = new ModelStore(_store.Blobs, CPU);
        using var trainee = models.Open(order);
        using var tokens = await TokenDataset.OpenAsync(_store.Blobs, order.Train);
        int[] examples = [.. Enumerable.Range(0, 12)];
        using var one = trainee.Trained.NewBuffer();
        using var many = trainee.Trained.NewBuffer();
        // B is zero at first, and so is the gradient of A: start from somewhere else.
        foreach (var module in trainee.Adapter!.Plan.Modules) trainee.Trained.FillNormal(module.NameB, 3, 0.02);

        trainee.Model.LossAndGradients(TrainingData.Gather(tokens, examples), trainee.Adapter, one);
        foreach (var part in examples.Chunk(3)) trainee.Model.LossAndGradients(TrainingData.Gather(tokens, part), trainee.Adapter, many);

        var (whole, sum) = (one.data<float>().ToArray(), many.data<float>().ToArray());
        var scale = whole.Max(Math.Abs);
        Assert.True(scale > 1e-3);
        Assert.True(whole.Zip(sum, (a, b) => Math.Abs(a - b)).Max() / scale < 1e-5);
    }

    [Fact]
    public async Task Loss_OfAStep_IsWeightedByTokensNotByMicroBatches()
    {
        // One example of 5 supervised tokens and one of 20, each in a micro-batch of its own.
        var reported = await LossesAsync("job-weighted", 1, packing: true, json => { json["optimizer"]!["batch_size"] = 40; json["optimizer"]!["epochs"] = 1; });
        var order = _store.Order("job-direct");
        using var models = new ModelStore(_store.Blobs, CPU);
        using var trainee = models.Open(order);
        using var tokens = await TokenDataset.OpenAsync(_store.Blobs, order.Train);
        var losses = Enumerable.Range(0, 40).Select(i => trainee.Model.Loss(TrainingData.Gather(tokens, [i]), trainee.Adapter)).ToList();

        Assert.Equal(losses.Sum(l => l.Sum) / losses.Sum(l => l.Count), Assert.Single(reported), 1e-4);
        Assert.NotEqual(losses.Average(l => l.Sum / l.Count), reported[0], 1e-3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    public async Task Preferences_AreLearntFromTheLossOfNone(int microBatchTokens)
    {
        var losses = await LossesAsync($"job-pairs-{microBatchTokens}", microBatchTokens, packing: true, json =>
        {
            json["objective"] = new System.Text.Json.Nodes.JsonObject { ["type"] = "dpo", ["beta"] = 0.5 };
            json["optimizer"]!["epochs"] = 8;
        });
        Assert.Equal(Math.Log(2), losses[0], 1e-4);
        Assert.True(losses[^1] < 0.4, $"{losses[^1]}");
    }

    private async Task<IReadOnlyList<double>> LossesAsync(string jobId, int microBatchTokens, bool packing, Action<System.Text.Json.Nodes.JsonObject>? change = null)
    {
        var order = _store.Order(jobId, change: json =>
        {
            json["optimizer"]!["micro_batch_tokens"] = microBatchTokens;
            json["data"]!["packing"] = packing;
            change?.Invoke(json);
        });
        await _store.FenceAsync(order);
        using var models = new ModelStore(_store.Blobs, CPU);
        using var run = new OrderRun(order, models, _store.Blobs, () => { }, TimeProvider.System, () => []);
        var losses = new List<double>();
        void Report(TrainerReport report) => losses.AddRange((report as JobSteps)?.Steps.Select(s => s.TrainLoss!.Value) ?? []);
        for (var state = run.Attach(Report); state == JobState.Running;) state = run.Step(Report);
        return losses;
    }
}
