using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Completes and scores prompts, a batch at a time.</summary>
internal static class Completing
{
    /// <summary>Prompts that share the decoding steps.</summary>
    public const int AtOnce = 16;

    public static IReadOnlyList<Completion> Run(CausalLm model, LoraAdapter? adapter, PromptReader reader, CompletionTask task)
    {
        int[][] prompts = task.PromptTokens is { } ids ? [.. ids.Select(p => p.ToArray())] : [.. task.Prompts.Select(p => reader.Encode(p, task.Chat))];
        List<Completion> completions = [];
        foreach (var chunk in prompts.Chunk(AtOnce))
        {
            var scores = task is { Echo: true, Logprobs: { } likeliest } ? new PromptScorer(model).Score(chunk, likeliest, adapter) : null;
            var continuations = task.MaxTokens == 0 ? [.. chunk.Select(_ => new Continuation([], [], false))]
                : new TextGenerator(model).Generate(chunk, Options(task, reader, completions.Count), adapter);
            for (var i = 0; i < chunk.Length; i++)
            {
                var text = task.PromptTokens is null && !task.Chat ? task.Prompts[completions.Count] : null;
                completions.Add(new CompletionWriter(reader, task).Write(text, chunk[i], scores?[i], continuations[i]));
            }
        }
        return completions;
    }

    private static GenerationOptions Options(CompletionTask task, PromptReader reader, int firstPrompt) => new()
    {
        MaxNewTokens = task.MaxTokens,
        Temperature = task.Temperature,
        TopK = task.TopK,
        TopP = task.TopP,
        Seed = task.Seed,
        FirstPrompt = firstPrompt,
        StopTokens = [.. reader.StopIds],
        StopWhen = task.Stop is { Count: > 0 } stop ? tokens => Ends(tokens, stop, reader) : null,
        Alternatives = task.Logprobs ?? 0,
    };

    // A look at the last tokens first: a stop of n characters lies in the last 4 n tokens even where each is one byte.
    private static bool Ends(IReadOnlyList<int> tokens, IReadOnlyList<string> stop, PromptReader reader)
    {
        var window = (stop.Max(s => s.Length) * 4) + 4;
        return Holds(reader.Decode(tokens.Skip(tokens.Count - window)), stop) && (tokens.Count <= window || Holds(reader.Decode(tokens), stop));
    }

    private static bool Holds(string text, IReadOnlyList<string> stop) => stop.Any(s => text.Contains(s, StringComparison.Ordinal));
}
