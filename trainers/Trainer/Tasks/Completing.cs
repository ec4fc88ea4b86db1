using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Completes prompts, a batch at a time.</summary>
internal static class Completing
{
    /// <summary>Prompts that share the decoding steps.</summary>
    public const int AtOnce = 16;

    public static IReadOnlyList<Completion> Run(CausalLm model, LoraAdapter? adapter, PromptReader reader, CompletionTask task)
    {
        var options = new GenerationOptions
        {
            MaxNewTokens = task.MaxTokens,
            Temperature = task.Temperature,
            TopP = task.TopP,
            Seed = task.Seed,
            StopTokens = [.. reader.StopIds],
        };
        int[][] prompts = [.. task.Prompts.Select(p => reader.Encode(p, task.Chat))];
        var generator = new TextGenerator(model);
        return [.. prompts.Chunk(AtOnce).SelectMany(chunk => generator.Generate(chunk, options, adapter).Zip(chunk, (c, p) => Describe(reader, c, p)))];
    }

    private static Completion Describe(PromptReader reader, Continuation continuation, int[] prompt) =>
        new(reader.Decode(continuation.Tokens), prompt.Length, continuation.Tokens.Count, continuation.Stopped ? "stop" : "length");
}
