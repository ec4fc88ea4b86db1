using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>A <c>text_completion</c>, whole or a chunk of a stream; a chunk has no usage but the last, where that was asked for.</summary>
internal sealed record TextCompletion(string Id, long Created, string Model, IReadOnlyList<TextChoice> Choices, Usage? Usage)
{
    public string Object => "text_completion";
}

// OpenAI writes null for what was not asked for, and for what a chunk does not say.
internal sealed record TextChoice(
    int Index,
    string Text,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] TextLogprobs? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason)
{
    public static TextChoice Of(Completion whole, int index) => new(index, whole.Text, TextLogprobs.Of(whole.Logprobs), whole.FinishReason);

    public static TextChoice Of(CompletionPiece piece, string? finishReason) => new(piece.Index, piece.Text, TextLogprobs.Of(piece.Logprobs), finishReason);
}

internal sealed record TextLogprobs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<double?> TokenLogprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<IReadOnlyDictionary<string, double>?>? TopLogprobs,
    IReadOnlyList<int> TextOffset)
{
    public static TextLogprobs? Of(CompletionLogprobs? l) => l is null ? null : new(l.Tokens, l.TokenLogprobs, l.TopLogprobs, l.TextOffset);
}

internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens)
{
    /// <param name="choices">Completions of each prompt, whose tokens count once.</param>
    public static Usage Of(IReadOnlyList<Completion> completions, int choices)
    {
        var (prompt, written) = (completions.Where((_, i) => i % choices == 0).Sum(c => c.PromptTokens), completions.Sum(c => c.CompletionTokens));
        return new Usage(prompt, written, prompt + written);
    }
}
