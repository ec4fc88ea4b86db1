using System.Text.Json.Nodes;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>With trainers of its own: a session that holds a base for tokens takes no classifier.</summary>
public sealed class GangClassifierTests(Crew crew) : IClassFixture<Crew>
{
    [Fact]
    public async Task Checkpoints_OfAClassifier_HaveTheBytesOfOneWorker() => Assert.Equal(await CommitsAsync("job-classes-one", 1), await CommitsAsync("job-classes-two", 2));

    private async Task<List<(int Step, string Weights, string Optimizer)>> CommitsAsync(string jobId, int size)
    {
        var order = crew.Store.Order(jobId, 1, json => json["objective"] = new JsonObject { ["type"] = "classification" });
        var run = await GangRun.StartAsync(crew.Store, order, crew.Trainers.Take(size));
        await run.FinishAsync();
        return run.Commits();
    }
}
