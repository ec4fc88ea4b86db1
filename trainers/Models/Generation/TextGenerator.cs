using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Models.Generation;

/// <summary>Continues prompts token by token, all in one batch.</summary>
public sealed class TextGenerator(CausalLm model)
{
    /// <summary>Continues each prompt until a stop token, the limit, or the model's context ends it.</summary>
    /// <exception cref="GridException"><c>invalid_value</c>: a prompt is empty. <c>sequence_too_long</c>: a prompt fills the context.</exception>
    public IReadOnlyList<Continuation> Generate(
        IReadOnlyList<int[]> prompts, GenerationOptions options, LoraAdapter? adapter = null, CancellationToken cancellation = default)
    {
        if (prompts.Count == 0)
            return [];
        PromptCheck.Check(prompts, model.Architecture.ContextLength - 1, model.Architecture);
        Sequence[] all = [.. prompts.Select((p, i) => new Sequence(p, options, i, adapter))];
        using var batch = new DecodeBatch(model);
        batch.Join(all);
        while (batch.Sequences.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Step();
        }

        return [.. all.Select(s => s.Result)];
    }
}
