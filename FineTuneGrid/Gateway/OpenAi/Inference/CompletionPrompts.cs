using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Apis;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>The many shapes of a completion's <c>prompt</c> and <c>stop</c>.</summary>
internal static class CompletionPrompts
{
    private const string PromptShape = "prompt must be a text, a list of texts, a list of token ids, or a list of lists of token ids";

    /// <summary>A text, texts, ids, or lists of ids; one of the two results holds the prompts.</summary>
    public static (IReadOnlyList<string> Texts, IReadOnlyList<IReadOnlyList<int>>? Tokens) Read(JsonElement? prompt)
    {
        if (prompt is not { } given || given.ValueKind is JsonValueKind.Null)
            throw new GridException(ErrorCodes.MissingField, PromptShape + ".", "prompt");
        if (given.ValueKind == JsonValueKind.String)
            return ([Text(given)], null);
        if (given.ValueKind != JsonValueKind.Array)
            throw Wrong(PromptShape);
        var items = given.EnumerateArray().ToList();
        if (items.Count == 0)
            throw Wrong("prompt must not be empty");
        if (items[0].ValueKind == JsonValueKind.Number)
            return ([], [Tokens(given)]);
        RunLimits.Check(items.Count <= RunLimits.MaxPrompts, $"prompt may hold at most {RunLimits.MaxPrompts} prompts.", "prompt");
        return items[0].ValueKind == JsonValueKind.String ? ([.. items.Select(Text)], null) : ([], [.. items.Select(Tokens)]);
    }

    /// <summary>One text, or one to four.</summary>
    public static IReadOnlyList<string>? Stops(JsonElement? stop)
    {
        if (stop is not { } given || given.ValueKind == JsonValueKind.Null)
            return null;
        var items = given.ValueKind == JsonValueKind.Array ? given.EnumerateArray().ToList() : [given];
        if (items.Exists(i => i.ValueKind != JsonValueKind.String))
            throw new GridException(ErrorCodes.InvalidValue, "stop must be a text or a list of texts.", "stop");
        return RunLimits.Stops([.. items.Select(i => Sampling.Text(i, "stop"))]);
    }

    private static string Text(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.String)
            throw Wrong(PromptShape + ", not of both");
        var text = Sampling.Text(item, "prompt");
        return text.Length is > 0 and <= RunLimits.MaxPromptCharacters ? text : throw Wrong($"a text of prompt must have 1 to {RunLimits.MaxPromptCharacters} characters");
    }

    private static int[] Tokens(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() == 0)
            throw Wrong(PromptShape + ", none of them empty");
        return [.. item.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var value) && value >= 0 ? value : throw Wrong("a token id of prompt must be a whole number from 0 on"))];
    }

    private static GridException Wrong(string message) => new(ErrorCodes.InvalidValue, message + ".", "prompt");
}
