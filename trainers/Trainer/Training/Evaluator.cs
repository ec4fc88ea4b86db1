using FineTuneGrid.Models;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Training;

/// <summary>Mean loss over all supervised tokens of a data set, every example once, in its own order.</summary>
internal static class Evaluator
{
    public static (double Loss, long Tokens) Run(CausalLm model, LoraAdapter? adapter, IEnumerable<MicroBatch> batches, Action between)
    {
        var (sum, tokens) = (0.0, 0L);
        foreach (var batch in batches)
        {
            between();
            var loss = model.Loss(batch, adapter);
            (sum, tokens) = (sum + loss.Sum, tokens + loss.Count);
        }
        return (sum / Math.Max(1, tokens), tokens);
    }
}
