using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Training;

/// <param name="Loss">Mean over what is counted, in nats.</param>
/// <param name="Count">Supervised tokens, pairs, or examples to classify.</param>
/// <param name="Pairs">Null where the data holds none.</param>
/// <param name="Classes">Of a classifier alone.</param>
internal sealed record Evaluation(double Loss, long Count, PairSums? Pairs = null, ClassScores? Classes = null);

/// <summary>Mean loss over all supervised tokens of a data set, or over all pairs or texts, every example once, in its own order.</summary>
internal static class Evaluator
{
    /// <param name="beta">Of preference optimisation, which needs an adapter; null for the tokens' or classes' loss.</param>
    public static Evaluation Run(CausalLm model, LoraAdapter? adapter, IEnumerable<MicroBatch> batches, Action between, double? beta = null)
    {
        if (model.Architecture.Classifier is { } classifier) return Classify(model, adapter, batches, between, new ClassTally(classifier.Labels.Count));
        var sum = StepLoss.Nothing;
        foreach (var batch in batches)
        {
            between();
            sum = sum.Plus(StepLoss.Of(beta is { } b ? model.PairLoss(batch, adapter!, b) : model.Loss(batch, adapter)));
        }
        return new Evaluation(sum.Sum / Math.Max(1, sum.Count), sum.Count, beta is null ? null : sum.Pairs);
    }

    private static Evaluation Classify(CausalLm model, LoraAdapter? adapter, IEnumerable<MicroBatch> batches, Action between, ClassTally tally)
    {
        foreach (var batch in batches)
        {
            between();
            foreach (var (logProbs, actual) in model.ClassLogProbs(batch, adapter).Zip(batch.Targets)) tally.Add(logProbs, (int)actual);
        }
        return new Evaluation(tally.Loss, tally.Count, Classes: tally.Scores());
    }
}
