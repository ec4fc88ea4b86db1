using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;

namespace FineTuneGrid.Models.Generation;

/// <summary>What a prompt must be before the model sees it.</summary>
public static class PromptCheck
{
    /// <param name="prompts">Ids of each.</param>
    /// <param name="longest">Tokens that a prompt may have at most; one less than the context where another is to follow.</param>
    /// <param name="architecture">The model's.</param>
    /// <exception cref="GridException"><c>unsupported_model</c>: it classifies. <c>invalid_value</c>: a prompt is empty, or has an id that is none. <c>sequence_too_long</c>.</exception>
    public static void Check(IReadOnlyList<int[]> prompts, int longest, Architecture architecture)
    {
        if (architecture.IsEncoder || architecture.Classifier is not null)
            throw new GridException(ErrorCodes.UnsupportedModel, "The model classifies texts and writes none; ask for classes instead of completions.", "model");
        for (var i = 0; i < prompts.Count; i++)
        {
            if (prompts[i].Length == 0)
                throw new GridException(ErrorCodes.InvalidValue, $"Prompt {i} has no tokens; begin with the model's bos token.", "prompt");
            if (prompts[i].Length > longest)
            {
                throw new GridException(ErrorCodes.SequenceTooLong,
                    $"Prompt {i} has {prompts[i].Length} tokens; the model's context is {architecture.ContextLength}.", "prompt");
            }

            if (prompts[i].Any(t => (uint)t >= (uint)architecture.VocabSize))
                throw new GridException(ErrorCodes.InvalidValue, $"Prompt {i} has a token id outside the vocabulary of {architecture.VocabSize}.", "prompt");
        }
    }
}
