using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text;

/// <summary>A conversation that a model is to go on with.</summary>
/// <param name="Messages">A JSON list of {role, content, ...}.</param>
/// <param name="Tools">A JSON list of tools, or null.</param>
/// <param name="Variables">A JSON object of further variables for the template; those that it defines itself stay.</param>
/// <param name="AddGenerationPrompt">Whether the text ends where the assistant is to speak.</param>
/// <param name="ContinueFinalMessage">Whether the text ends within the last message, to be continued.</param>
public sealed record ChatPrompt(
    JsonElement Messages, JsonElement? Tools = null, JsonElement? Variables = null, bool AddGenerationPrompt = true, bool ContinueFinalMessage = false)
{
    private const string Field = "messages";

    /// <summary>Who may speak. Templates put roles between their special tokens, so that no other word may stand there.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["system", "developer", "user", "assistant", "tool", "function"];

    /// <summary>Messages as a client sends them, checked; a content of text parts becomes one text.</summary>
    /// <exception cref="GridException"><c>invalid_value</c>, naming the message.</exception>
    public static JsonElement ReadMessages(JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() == 0)
            throw new GridException(ErrorCodes.InvalidValue, "messages must be a list of at least one {role, content}.", Field);
        return JsonSerializer.SerializeToElement(new JsonArray([.. messages.EnumerateArray().Select((message, i) => Message(message, $"{Field}[{i}]"))]));
    }

    private static JsonObject Message(JsonElement message, string where)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw Wrong(where, "must be an object with role and content");
        if (!message.TryGetProperty("role", out var role) || role.ValueKind != JsonValueKind.String || !Roles.Contains(role.GetString()))
            throw Wrong($"{where}.role", $"must be one of {string.Join(", ", Roles)}");
        var result = JsonObject.Create(message)!;
        result["content"] = message.TryGetProperty("content", out var content) ? Content(content, $"{where}.content") : "";
        return result;
    }

    private static string Content(JsonElement content, string where) => content.ValueKind switch
    {
        JsonValueKind.String => content.GetString()!,
        JsonValueKind.Null => "",
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select((part, i) =>
            part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text")
            && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                ? text.GetString()
                : throw Wrong($"{where}[{i}]", "must be {\"type\": \"text\", \"text\": ...}; only text can be rendered"))),
        _ => throw Wrong(where, "must be a text, or a list of text parts"),
    };

    private static GridException Wrong(string where, string what) => new(ErrorCodes.InvalidValue, $"{where} {what}.", where);
}
