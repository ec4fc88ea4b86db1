using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Completes and scores prompts, a batch at a time.</summary>
internal static class Completing
{
    /// <summary>Completions that share the decoding steps.</summary>
    public const int AtOnce = 16;

    public static IReadOnlyList<Completion> Run(CausalLm model, LoraAdapter? adapter, PromptReader reader, CompletionTask task)
    {
        var answer = new Answer(model, adapter, reader, task);
        for (var from = 0; from < answer.Count; from += AtOnce)
        {
            using var batch = new DecodeBatch(model);
            batch.Join([.. answer.Begin(from, AtOnce).Select(c => c.Sequence)]);
            while (batch.Sequences.Count > 0) batch.Step();
        }
        return answer.Completions();
    }
}
