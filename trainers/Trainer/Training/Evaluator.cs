using FineTuneGrid.Models;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Training;

/// <param name="Loss">Mean over what is counted, in nats.</param>
/// <param name="Count">Supervised tokens, or pairs.</param>
/// <param name="Pairs">Null where the data holds none.</param>
internal sealed record Evaluation(double Loss, long Count, PairSums? Pairs = null);

/// <summary>Mean loss over all supervised tokens of a data set, or over all pairs, every example once, in its own order.</summary>
internal static class Evaluator
{
    /// <param name="beta">Of preference optimisation, which needs an adapter; null for the tokens' loss.</param>
    public static Evaluation Run(CausalLm model, LoraAdapter? adapter, IEnumerable<MicroBatch> batches, Action between, double? beta = null)
    {
        var sum = StepLoss.Nothing;
        foreach (var batch in batches)
        {
            between();
            sum = sum.Plus(StepLoss.Of(beta is { } b ? model.PairLoss(batch, adapter!, b) : model.Loss(batch, adapter)));
        }
        return new Evaluation(sum.Sum / Math.Max(1, sum.Count), sum.Count, beta is null ? null : sum.Pairs);
    }
}
