using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>
/// Pairs for preference optimisation: <c>chosen</c> and <c>rejected</c>, with a <c>prompt</c> beside them or in them. Texts, or conversations:
/// lists of {role, content} that go on from the prompt, or that begin with it.
/// </summary>
internal sealed class PreferenceFormat : RowFormat
{
    public override string Name => DataFormats.Preference;

    public override IReadOnlyList<string> Required => ["chosen", "rejected"];

    public override IReadOnlyList<string> Optional => ["prompt"];

    internal override ParsedRow Parse(JsonElement row) => new PairRow(Side(row, "chosen"), Side(row, "rejected"));

    private static ParsedRow Side(JsonElement row, string column)
    {
        if (!row.TryGetProperty(column, out var answer) || answer.ValueKind != JsonValueKind.Array)
            return new CompletionRow(Text(row, "prompt"), FilledText(row, column));
        var whole = ChatFormat.Messages(answer, column);
        if (whole.Count == 0 || (string)whole[0]!["role"]! == "assistant")
            whole = Joined(Prompt(row), whole);
        return Checked(whole, null, column);
    }

    private static JsonArray Prompt(JsonElement row)
    {
        if (row.TryGetProperty("prompt", out var prompt) && prompt.ValueKind == JsonValueKind.Array)
            return ChatFormat.Messages(prompt, "prompt");
        return [new JsonObject { ["role"] = "user", ["content"] = FilledText(row, "prompt") }];
    }

    internal static JsonArray Joined(JsonArray prompt, JsonArray answer)
    {
        foreach (var message in answer)
            prompt.Add(message!.DeepClone());
        return prompt;
    }

    /// <summary>Whatever else is the assistant's in a pair's sequences is in both: what it adds to either is taken away by the other.</summary>
    internal static ChatRow Checked(JsonArray messages, JsonElement? tools, string column)
    {
        if (messages.Count == 0 || (string)messages[^1]!["role"]! != "assistant")
            throw new RowException($"'{column}' must end with what the assistant says");
        return ChatFormat.Build(messages, tools);
    }
}

/// <summary>The same as OpenAI's files have it: <c>input</c> with messages and tools, <c>preferred_output</c> and <c>non_preferred_output</c>.</summary>
internal sealed class OpenAiPreferenceFormat : RowFormat
{
    public override string Name => DataFormats.Preference;

    public override IReadOnlyList<string> Required => ["input", "preferred_output", "non_preferred_output"];

    internal override ParsedRow Parse(JsonElement row)
    {
        if (!row.TryGetProperty("input", out var input) || input.ValueKind != JsonValueKind.Object || !input.TryGetProperty("messages", out var messages) || messages.ValueKind != JsonValueKind.Array)
            throw new RowException("'input' must be an object with a list 'messages'");
        JsonElement? tools = input.TryGetProperty("tools", out var list) && list.ValueKind == JsonValueKind.Array ? list : null;
        return new PairRow(Side("preferred_output"), Side("non_preferred_output"));

        ChatRow Side(string column)
        {
            if (!row.TryGetProperty(column, out var answer) || answer.ValueKind != JsonValueKind.Array)
                throw new RowException($"'{column}' must be a list of messages");
            var whole = PreferenceFormat.Joined(ChatFormat.Messages(messages, "input.messages"), ChatFormat.Messages(answer, column));
            return PreferenceFormat.Checked(whole, tools, column);
        }
    }
}
