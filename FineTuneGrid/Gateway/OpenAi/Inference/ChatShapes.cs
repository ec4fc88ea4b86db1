using System.Text;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>A <c>chat.completion</c>.</summary>
internal sealed record ChatCompletion(string Id, long Created, string Model, IReadOnlyList<ChatChoice> Choices, Usage Usage)
{
    public string Object => "chat.completion";
}

// OpenAI writes null for what was not asked for, and for what a chunk does not say.
internal sealed record ChatChoice(
    int Index, ChatMessage Message, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChatLogprobs? Logprobs, string FinishReason)
{
    public static ChatChoice Of(Completion whole, int index, int likeliest) =>
        new(index, new ChatMessage("assistant", whole.Text, null), ChatLogprobs.Of(whole.Logprobs, likeliest), whole.FinishReason);
}

internal sealed record ChatMessage(string Role, string Content, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Refusal);

/// <summary>A <c>chat.completion.chunk</c>; none has usage but the last, where that was asked for.</summary>
internal sealed record ChatChunk(string Id, long Created, string Model, IReadOnlyList<ChatDelta> Choices, Usage? Usage)
{
    public string Object => "chat.completion.chunk";
}

internal sealed record ChatDelta(
    int Index,
    DeltaMessage Delta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChatLogprobs? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason)
{
    public static ChatDelta First(int index) => new(index, new DeltaMessage("assistant", ""), null, null);

    public static ChatDelta Of(CompletionPiece piece, string? finishReason, int likeliest) => new(
        piece.Index, new DeltaMessage(null, piece.Text.Length > 0 ? piece.Text : null), ChatLogprobs.Of(piece.Logprobs, likeliest), finishReason);
}

/// <summary>What a message grows by.</summary>
internal sealed record DeltaMessage(string? Role, string? Content);

internal sealed record ChatLogprobs(IReadOnlyList<ChatToken> Content, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] object? Refusal)
{
    /// <param name="logprobs">Null: they were not asked for.</param>
    /// <param name="likeliest">Alternatives of each token to name.</param>
    public static ChatLogprobs? Of(CompletionLogprobs? logprobs, int likeliest) => logprobs is null ? null : new(
        [.. logprobs.Tokens.Select((token, i) => new ChatToken(token, logprobs.TokenLogprobs[i] ?? 0, Bytes(token), Likeliest(logprobs.TopLogprobs?[i], likeliest)))], null);

    private static IReadOnlyList<ChatAlternative> Likeliest(IReadOnlyDictionary<string, double>? named, int count) =>
        named is null ? [] : [.. named.OrderByDescending(t => t.Value).Take(count).Select(t => new ChatAlternative(t.Key, t.Value, Bytes(t.Key)))];

    /// <summary>Of tokens in ASCII. Others may be a vocabulary's spelling of a part of a character, as <c>&lt;0xE2&gt;</c> is, whose bytes are other ones.</summary>
    private static IReadOnlyList<int>? Bytes(string token) =>
        Ascii.IsValid(token) && !token.StartsWith("<0x", StringComparison.Ordinal) ? [.. token.Select(c => (int)c)] : null;
}

internal sealed record ChatToken(
    string Token, double Logprob, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<int>? Bytes, IReadOnlyList<ChatAlternative> TopLogprobs);

internal sealed record ChatAlternative(string Token, double Logprob, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<int>? Bytes);
