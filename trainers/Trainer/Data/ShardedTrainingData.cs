using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Training;

namespace FineTuneGrid.Trainer.Data;

/// <summary>Training data from token shards in the blob store.</summary>
internal sealed class ShardedTrainingData : ITrainingData
{
    private readonly TokenExamples _examples;
    private readonly StepPlanner _planner;

    private ShardedTrainingData(TokenExamples examples, StepPlanner planner) => (_examples, _planner) = (examples, planner);

    public int TotalSteps => _planner.TotalSteps;

    public static async Task<ShardedTrainingData> OpenAsync(IBlobStore store, TokenIndex index, JobSpec spec, int microBatchTokens)
    {
        var examples = await TokenExamples.OpenAsync(store, index);
        return new ShardedTrainingData(examples, new StepPlanner(examples.Lengths, spec, microBatchTokens));
    }

    public StepBatch Next(long samplesConsumed)
    {
        var plan = _planner.Next(samplesConsumed);
        return new StepBatch(
            [.. plan.MicroBatches.Select<IReadOnlyList<int>, Func<MicroBatch>>(numbers => () => _examples.Batch(numbers))],
            plan.SamplesConsumed, plan.Tokens, plan.Epoch);
    }

    public void Dispose() => _examples.Dispose();
}
