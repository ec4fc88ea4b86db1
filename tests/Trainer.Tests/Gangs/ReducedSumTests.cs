using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Shards;
using FineTuneGrid.Trainer.Gangs;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;
using MicroBatch = FineTuneGrid.Models.Layers.MicroBatch;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>Fast mode's sum, between threads of this process: what it comes to, and what of it goes on beside the backward.</summary>
public sealed class ReducedSumTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    /// <summary>Also where a worker has no micro-batch.</summary>
    [Theory]
    [InlineData(2, 5)]
    [InlineData(3, 5)]
    [InlineData(3, 2)]
    public async Task Total_OfSeveralWorkers_IsThatOfOne(int size, int count)
    {
        var alone = await AloneAsync(count);
        var workers = await EachAsync(size, (gang, trainee, batches) =>
        {
            using var sum = new ReducedSum(gang, trainee.Trained);
            var losses = Enumerable.Range(0, 2).Select(step => sum.Run(step, count, Compute(trainee, batches))).ToList();
            Assert.Equal(losses[0], losses[1]);
            return new Sum(losses[1], sum.Total.data<float>().ToArray());
        });

        var scale = alone.Total.Max(Math.Abs);
        foreach (var worker in workers)
        {
            Assert.Equal(workers[0].Total, worker.Total);
            Assert.Equal(alone.Loss.Count, worker.Loss.Count);
            Assert.Equal(1, worker.Loss.Sum / alone.Loss.Sum, 1e-6);
            Assert.True(alone.Total.Zip(worker.Total, (a, b) => Math.Abs(a - b)).Max() / scale < 1e-6);
        }
    }

    /// <summary>A record of the order of things, in which time has no part.</summary>
    [Fact]
    public async Task Buckets_SetOutWhileTheLastMicroBatchesBackwardIsStillUnderWay()
    {
        var records = await EachAsync(2, (gang, trainee, batches) =>
        {
            using var sum = new ReducedSum(gang, trainee.Trained, leastElements: 1);
            var record = new List<string>();
            sum.Run(0, 4, (index, gradient, layerDone) =>
            {
                record.Add($"micro-batch {index}, {sum.UnderWay} under way");
                return Compute(trainee, batches)(index, gradient, layerDone is null ? null : layer =>
                {
                    layerDone(layer);
                    record.Add($"layer {layer} went backward, {sum.UnderWay} under way");
                });
            });
            record.Add($"the end, {sum.UnderWay} under way");
            return record;
        });

        for (var rank = 0; rank < 2; rank++)
        {
            Assert.Equal(
                [$"micro-batch {rank}, 0 under way", $"micro-batch {rank + 2}, 0 under way", "layer 1 went backward, 1 under way", "layer 0 went backward, 2 under way", "the end, 0 under way"],
                records[rank]);
        }
    }

    private static MicroBatchGradient Compute(Trainee trainee, IReadOnlyList<MicroBatch> batches) =>
        (index, gradient, layerDone) => trainee.Model.LossAndGradients(batches[index], trainee.Adapter, gradient, new TrainingPass(LayerDone: layerDone));

    private async Task<Sum> AloneAsync(int count)
    {
        var order = _store.Order("job-alone");
        using var models = new ModelStore(_store.Blobs, CPU);
        using var trainee = Open(models, order);
        using var sum = new SingleSum(trainee.Trained);
        return new(sum.Run(0, count, Compute(trainee, await BatchesAsync(order))), sum.Total.data<float>().ToArray());
    }

    /// <summary>Worker 0 tells where it is to be met; each has a model of its own.</summary>
    private async Task<T[]> EachAsync<T>(int size, Func<Gang, Trainee, IReadOnlyList<MicroBatch>, T> work)
    {
        var order = _store.Order("job-gang");
        var batches = await BatchesAsync(order);
        var meeting = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        return await Task.WhenAll(Enumerable.Range(0, size).Select(rank => Task.Factory.StartNew(() => Run(rank), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))).WaitAsync(Limit);

        T Run(int rank)
        {
            var membership = new GangMembership(rank, size, Host: GangMembership.Loopback, Meeting: rank == 0 ? null : meeting.Task.GetAwaiter().GetResult());
            using var gang = Gang.Of(order with { Gang = membership }, () => { }, TimeProvider.System)!;
            using var models = new ModelStore(_store.Blobs, CPU);
            using var trainee = Open(models, order);
            gang.Open(report => meeting.SetResult($"{((JobMeeting)report).Host}:{((JobMeeting)report).Port}"));
            while (!gang.Meet()) { }
            var result = work(gang, trainee, batches);
            gang.Part();
            return result;
        }
    }

    private async Task<IReadOnlyList<MicroBatch>> BatchesAsync(TrainingOrder order)
    {
        using var tokens = await TokenDataset.OpenAsync(_store.Blobs, order.Train);
        return [.. Enumerable.Range(0, 15).Chunk(3).Select(examples => TrainingData.Gather(tokens, examples))];
    }

    /// <summary>B is zero at first, and so is the gradient of A: starts from somewhere else.</summary>
    private static Trainee Open(ModelStore models, TrainingOrder order)
    {
        var trainee = models.Open(order);
        foreach (var module in trainee.Adapter!.Plan.Modules) trainee.Trained.FillNormal(module.NameB, 3, 0.02);
        return trainee;
    }

    private sealed record Sum(StepLoss Loss, float[] Total);
}
