using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>
/// Conversations: <c>messages</c>, a list of {role, content}. Everything the assistant says is learnt, save messages of weight 0.
/// Also the layout of OpenAI's fine-tuning files; <c>tools</c> is handed to the template.
/// </summary>
internal sealed class ChatFormat : RowFormat
{
    public override string Name => "chat";

    public override IReadOnlyList<string> Required => ["messages"];

    public override IReadOnlyList<string> Optional => ["tools"];

    internal override ParsedRow Parse(JsonElement row)
    {
        var messages = AsList(row, "messages") ?? throw new RowException("'messages' is missing");
        return Build(Messages(messages, "messages"), AsList(row, "tools"));
    }

    /// <summary>The messages of a list, each checked.</summary>
    /// <param name="where">What errors call the list.</param>
    public static JsonArray Messages(JsonElement list, string where)
    {
        var result = new JsonArray();
        foreach (var message in list.EnumerateArray())
            result.Add(Message(message, $"{where}[{result.Count}]"));
        return result;
    }

    public static ChatRow Build(JsonArray messages, JsonElement? tools)
    {
        if (messages.Count == 0)
            throw new RowException("the conversation is empty");
        if (!messages.Any(m => (string)m!["role"]! == "assistant" && Weight(m!) != 0))
            throw new RowException("the conversation has no assistant turn to learn from");
        return new ChatRow(JsonSerializer.SerializeToElement(messages), tools);
    }

    private static double Weight(JsonNode message) => message["weight"] is JsonValue value && value.TryGetValue<double>(out var weight) ? weight : 1;

    /// <summary>A list, or a string that holds one as JSON; null where absent, null or empty text.</summary>
    private static JsonElement? AsList(JsonElement row, string column)
    {
        if (!row.TryGetProperty(column, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.String)
        {
            var text = value.GetString()!;
            if (text.Length == 0)
                return null;
            try
            {
                using var document = StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(text), $"'{column}'");
                value = document.RootElement.Clone();
            }
            catch (GridException problem)
            {
                throw new RowException(problem.Message);
            }
        }
        return value.ValueKind == JsonValueKind.Array ? value : throw new RowException($"'{column}' must be a list");
    }

    private static JsonObject Message(JsonElement message, string where)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw new RowException($"{where} must be an object with role and content");
        if (!message.TryGetProperty("role", out var role) || role.ValueKind != JsonValueKind.String)
            throw new RowException($"{where}.role is missing");
        if (!ChatPrompt.Roles.Contains(role.GetString()))
            throw new RowException($"{where}.role is '{role.GetString()}'; it must be one of {string.Join(", ", ChatPrompt.Roles)}");
        var result = new JsonObject();
        var calls = false;
        foreach (var property in message.EnumerateObject())
        {
            // Columnar files write every field of every message; null means absent there.
            if (property.Value.ValueKind == JsonValueKind.Null)
                continue;
            calls |= property.Name is "tool_calls" or "function_call" && !(property.Value.ValueKind == JsonValueKind.Array && property.Value.GetArrayLength() == 0);
            result[property.Name] = property.Name == "content" ? Content(property.Value, where) : JsonNode.Parse(property.Value.GetRawText());
        }
        if (!result.ContainsKey("content"))
            result["content"] = calls ? "" : throw new RowException($"{where}.content is missing");
        if (role.ValueEquals("assistant") && !calls && ((string)result["content"]!).Length == 0)
            throw new RowException($"{where}.content is empty: the assistant says nothing");
        return result;
    }

    private static string Content(JsonElement content, string where)
    {
        if (content.ValueKind == JsonValueKind.String)
            return content.GetString()!;
        if (content.ValueKind != JsonValueKind.Array)
            throw new RowException($"{where}.content must be a string");
        return string.Concat(content.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text")
            && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                ? text.GetString()
                : throw new RowException($"{where}.content holds a part that is not text")));
    }
}
