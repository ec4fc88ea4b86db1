using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.Shards;

/// <summary>ShareGPT's layout: <c>conversations</c>, a list of {from, value}; <c>system</c> may stand beside it.</summary>
internal sealed class ShareGptFormat : RowFormat
{
    private static readonly Dictionary<string, string> Roles = new(StringComparer.Ordinal)
    {
        ["system"] = "system",
        ["human"] = "user",
        ["user"] = "user",
        ["gpt"] = "assistant",
        ["assistant"] = "assistant",
        ["chatgpt"] = "assistant",
        ["bot"] = "assistant",
        ["model"] = "assistant",
        ["tool"] = "tool",
        ["observation"] = "tool",
    };

    public override string Name => "sharegpt";

    public override IReadOnlyList<string> Required => ["conversations"];

    public override IReadOnlyList<string> Optional => ["system"];

    internal override ParsedRow Parse(JsonElement row)
    {
        if (!row.TryGetProperty("conversations", out var turns) || turns.ValueKind != JsonValueKind.Array)
            throw new RowException("'conversations' must be a list");
        var messages = new JsonArray();
        if (Text(row, "system", optional: true) is { Length: > 0 } system)
            messages.Add(new JsonObject { ["role"] = "system", ["content"] = system });
        var index = 0;
        foreach (var turn in turns.EnumerateArray())
        {
            var where = $"conversations[{index++}]";
            if (turn.ValueKind != JsonValueKind.Object)
                throw new RowException($"{where} must be an object with from and value");
            var from = Member(turn, "from", where);
            var value = Member(turn, "value", where);
            if (!Roles.TryGetValue(from, out var role))
                throw new RowException($"{where}.from is '{from}'; it must be one of {string.Join(", ", Roles.Keys)}");
            if (role == "assistant" && value.Length == 0)
                throw new RowException($"{where}.value is empty: the assistant says nothing");
            messages.Add(new JsonObject { ["role"] = role, ["content"] = value });
        }
        return ChatFormat.Build(messages, null);
    }

    private static string Member(JsonElement turn, string name, string where) =>
        turn.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new RowException($"{where}.{name} must be a string");
}
