using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>Jobs on families that are built unlike Llama, through the child process.</summary>
public sealed class FamilyRunTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    /// <summary>Weights stored the other way round; biases by distance; experts, which a neighbour's tokens reach too.</summary>
    [Theory]
    [InlineData("gpt2")]
    [InlineData("bloom")]
    [InlineData("mixtral")]
    public async Task Job_StoppedAndResumedBesideANeighbour_LearnsAndHasTheBytesOfARunAlone(string family)
    {
        var model = _store.AddModel(family, family, Path.Combine("families", family));
        var alone = await TrainAsync(Order("job-alone", 1, model, 5), null);
        var steps = alone.Reports.OfType<JobSteps>().SelectMany(s => s.Steps).ToList();
        Assert.True(steps[^1].TrainLoss < steps[0].TrainLoss);

        var cut = Order("job-cut", 1, model, 1);
        await using (var agent = await StartAsync(cut))
        {
            await agent.UntilAsync<JobCommitted>();
            await agent.SendAsync(new Detach("job-cut", 1, Checkpoint: true, "test"));
            await agent.UntilAsync<JobDetached>();
        }

        var again = await TrainAsync(Order("job-cut", 2, model, 1), Order("job-beside", 1, model, 5, seed: 8));
        Assert.Equal(Result(alone, "job-alone"), Result(again, "job-cut"));
    }

    /// <summary>60 steps: a trainer that is told to stop at its first ones has not ended before it hears of it.</summary>
    private TrainingOrder Order(string jobId, int epoch, ModelManifest model, int every, int seed = 7) => _store.Order(jobId, epoch, json =>
    {
        json["optimizer"]!["epochs"] = 12;
        json["optimizer"]!["seed"] = seed;
        json["checkpoint"]!["every_steps"] = every;
        json["method"]!["target_modules"] = "all-linear";
    }) with { Model = model };

    private async Task<FakeAgent> TrainAsync(TrainingOrder order, TrainingOrder? neighbour)
    {
        await using var agent = await StartAsync(order);
        if (neighbour is not null)
        {
            await _store.FenceAsync(neighbour);
            await agent.SendAsync(new Attach(neighbour));
        }

        await agent.UntilAsync<JobFinished>(f => f.JobId == order.JobId);
        return agent;
    }

    private async Task<FakeAgent> StartAsync(TrainingOrder order)
    {
        await _store.FenceAsync(order);
        var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        return agent;
    }

    private static string Result(FakeAgent agent, string jobId) => agent.Reports.OfType<JobFinished>().Single(f => f.JobId == jobId).Result.WeightsSha256;
}
