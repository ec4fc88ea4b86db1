using FineTuneGrid.Models;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Training;

/// <summary>Mean loss over all supervised tokens of a data set, or over all pairs, every example once, in its own order.</summary>
internal static class Evaluator
{
    /// <param name="beta">Of preference optimisation, which needs an adapter; null for the tokens' loss.</param>
    public static (double Loss, long Count) Run(CausalLm model, LoraAdapter? adapter, IEnumerable<MicroBatch> batches, Action between, double? beta = null)
    {
        var (sum, tokens) = (0.0, 0L);
        foreach (var batch in batches)
        {
            between();
            var loss = beta is { } b ? model.PairLoss(batch, adapter!, b) : model.Loss(batch, adapter);
            (sum, tokens) = (sum + loss.Sum, tokens + loss.Count);
        }
        return (sum / Math.Max(1, tokens), tokens);
    }
}
