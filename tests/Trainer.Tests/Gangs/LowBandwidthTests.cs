using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>What steps of the workers' own cost in quality, and what they save on the wire.</summary>
public sealed class LowBandwidthTests(Crew crew) : IClassFixture<Crew>
{
    private const int LocalSteps = 26;
    private const int Steps = 24 * LocalSteps;

    [Fact]
    public void Bytes_OfAMeeting_AreAHundredthOfThoseOfAnAllReduceAtEveryStep()
    {
        const int parameters = 4_900_000;
        // Two workers: each sends 2 (n - 1) / n fp32 gradients in a ring all-reduce, and n - 1 codes at a meeting.
        var (reduced, met) = (4.0 * parameters * LocalSteps, (double)Int8Blocks.Size(parameters));

        Assert.True(met / reduced <= 0.01, $"{met / reduced:P3}");
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task HeldOutLoss_OfLocalSteps_IsThatOfSynchronousTraining()
    {
        var train = crew.Store.AddTokens("large", examples: 3000, seed: 5);
        var differences = new List<double>();
        foreach (var seed in new[] { 1, 2, 3 })
        {
            var together = await LossAsync($"job-together-{seed}", seed, null);
            var apart = await LossAsync($"job-apart-{seed}", seed, LocalSteps);
            // The bound is relative for large losses, absolute for small ones.
            differences.Add((apart - together) / Math.Max(0.01 * together, 0.01));
        }

        Assert.True(differences.Order().ElementAt(1) <= 1, $"in units of the bound: {string.Join(", ", differences)}");

        async Task<double> LossAsync(string jobId, int seed, int? local)
        {
            var order = crew.Store.Order(jobId, train: train, change: json =>
            {
                json["optimizer"] = JsonNode.Parse($$"""{"learning_rate": 0.002, "max_steps": {{Steps}}, "batch_size": 16, "micro_batch_tokens": 128, "seed": {{seed}}}""");
                if (local is { } h) json["optimizer"]!["local_steps"] = h;
                json["checkpoint"]!["every_steps"] = Steps;
                json["resources"] = new JsonObject { ["workers"] = 2 };
                json["mode"] = "fast";
            });
            var run = await GangRun.StartAsync(crew.Store, order with { Resolved = order.Resolved with { Mode = "fast" } }, crew.Trainers.Take(2));
            return (await run.FinishAsync()).Result.ValidLoss!.Value;
        }
    }
}
