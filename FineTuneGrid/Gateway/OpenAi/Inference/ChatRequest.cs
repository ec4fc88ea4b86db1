using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Apis;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>
/// The body of a chat completion. What a caller may leave out has OpenAI's defaults; <c>top_k</c> is vLLM's addition. What only labels or
/// steers OpenAI's own service is accepted and changes nothing; what would change the answer and is not done is refused by name.
/// </summary>
internal sealed record ChatRequest(
    string? Model = null, JsonElement? Messages = null, int? MaxTokens = null, int? MaxCompletionTokens = null, double? Temperature = null,
    double? TopP = null, int? TopK = null, int? N = null, JsonElement? Stop = null, long? Seed = null, bool? Logprobs = null, int? TopLogprobs = null,
    bool? Stream = null, JsonElement? StreamOptions = null, double? PresencePenalty = null, double? FrequencyPenalty = null, JsonElement? LogitBias = null,
    JsonElement? ResponseFormat = null, JsonElement? Tools = null, JsonElement? ToolChoice = null, bool? ParallelToolCalls = null, JsonElement? Functions = null,
    JsonElement? FunctionCall = null, JsonElement? Modalities = null, JsonElement? Audio = null, JsonElement? Prediction = null, JsonElement? WebSearchOptions = null,
    string? ReasoningEffort = null, string? Verbosity = null, bool? Store = null, string? ServiceTier = null, JsonElement? Metadata = null, string? User = null,
    string? SafetyIdentifier = null, string? PromptCacheKey = null, string? PromptCacheRetention = null)
{
    private const int MostMessages = 2048;

    /// <exception cref="GridException"><c>missing_field</c> or <c>invalid_value</c>, naming the parameter.</exception>
    public CompletionTask ToTask()
    {
        Refuse();
        var messages = CheckedMessages();
        var most = MostTokens();
        RunLimits.CheckSampling(Temperature ?? 1, TopP ?? 1, TopK ?? 0);
        RunLimits.Check(TopLogprobs is null or (>= 0 and <= RunLimits.MaxLogprobs), $"top_logprobs must be between 0 and {RunLimits.MaxLogprobs}.", "top_logprobs");
        RunLimits.Check(TopLogprobs is null || Logprobs == true, "top_logprobs needs logprobs to be true.", "top_logprobs");
        return new CompletionTask([], Chat: false, most, Temperature ?? 1, TopP ?? 1, Sampling.Seed(Seed), Math.Max(0, TopK ?? 0),
            CompletionPrompts.Stops(Stop), Logprobs: Logprobs == true ? TopLogprobs ?? 0 : null, Messages: messages, N: Sampling.Choices(N));
    }

    /// <summary>Without a limit the model's context, or the most that is written at once, is one.</summary>
    private int MostTokens()
    {
        RunLimits.Check(MaxTokens is null || MaxCompletionTokens is null || MaxTokens == MaxCompletionTokens, "max_tokens is the older name of max_completion_tokens; give one of them.", "max_tokens");
        var field = MaxCompletionTokens is null ? "max_tokens" : "max_completion_tokens";
        var most = MaxCompletionTokens ?? MaxTokens ?? RunLimits.MaxTokens;
        RunLimits.Check(most is >= 1 and <= RunLimits.MaxTokens, $"{field} must be between 1 and {RunLimits.MaxTokens}.", field);
        return most;
    }

    private void Refuse()
    {
        Sampling.RefusePenalties(PresencePenalty, FrequencyPenalty, LogitBias);
        RunLimits.Check(IsOf(ResponseFormat, "text"), "response_format must be {\"type\": \"text\"}: what the model writes is not held to JSON.", "response_format");
        RunLimits.Check(Sampling.IsEmpty(Tools), "tools must be left out: the model's answer is text, and no calls are read from it.", "tools");
        RunLimits.Check(Sampling.IsEmpty(ToolChoice) || Says(ToolChoice, "none"), "tool_choice must be none: there are no tools.", "tool_choice");
        RunLimits.Check(Sampling.IsEmpty(Functions), "functions must be left out: the model's answer is text, and no calls are read from it.", "functions");
        RunLimits.Check(Sampling.IsEmpty(FunctionCall) || Says(FunctionCall, "none"), "function_call must be none: there are no functions.", "function_call");
        RunLimits.Check(Sampling.IsEmpty(Modalities) || (Modalities is { ValueKind: JsonValueKind.Array } m && m.EnumerateArray().All(kind => Says(kind, "text"))), "modalities must be [\"text\"].", "modalities");
        RunLimits.Check(Sampling.IsEmpty(Audio), "audio must be left out: answers are text.", "audio");
        RunLimits.Check(Sampling.IsEmpty(Prediction), "prediction must be left out.", "prediction");
        RunLimits.Check(WebSearchOptions is null or { ValueKind: JsonValueKind.Null }, "web_search_options must be left out: nothing is searched.", "web_search_options");
        RunLimits.Check(ReasoningEffort is null or "none", "reasoning_effort must be none, or left out.", "reasoning_effort");
        RunLimits.Check(Verbosity is null or "medium", "verbosity must be medium, or left out.", "verbosity");
        RunLimits.Check(Store != true, "store must be false: completions are not kept.", "store");
    }

    private JsonElement CheckedMessages()
    {
        if (Messages is not { } given || given.ValueKind == JsonValueKind.Null) throw new GridException(ErrorCodes.MissingField, "messages is required: a list of {role, content}.", "messages");
        RunLimits.Check(given.ValueKind == JsonValueKind.Array && given.GetArrayLength() is > 0 and <= MostMessages, $"messages must be a list of 1 to {MostMessages} messages.", "messages");
        var index = 0;
        foreach (var message in given.EnumerateArray()) CheckMessage(message, $"messages[{index++}]");
        return given;
    }

    private static void CheckMessage(JsonElement message, string where)
    {
        RunLimits.Check(message.ValueKind == JsonValueKind.Object, $"{where} must be an object with role and content.", where);
        RunLimits.Check(message.TryGetProperty("role", out var role) && role.ValueKind == JsonValueKind.String, $"{where}.role must name who speaks.", $"{where}.role");
        if (!message.TryGetProperty("content", out var content)) return;
        var field = $"{where}.content";
        RunLimits.Check(content.ValueKind is JsonValueKind.String or JsonValueKind.Null or JsonValueKind.Array, $"{field} must be a text, or a list of parts.", field);
        if (content.ValueKind != JsonValueKind.Array) return;
        var index = 0;
        foreach (var part in content.EnumerateArray()) CheckPart(part, $"{field}[{index++}]");
    }

    private static void CheckPart(JsonElement part, string where)
    {
        var type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var named) && named.ValueKind == JsonValueKind.String ? Sampling.Text(named, where) : null;
        RunLimits.Check(type is not null, $"{where} must be {{\"type\": \"text\", \"text\": ...}}.", where);
        RunLimits.Check(type == "text", $"{where} is of type {type}: the model reads text alone.", where);
        RunLimits.Check(part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String, $"{where}.text must be a text.", $"{where}.text");
    }

    private static bool IsOf(JsonElement? value, string type) => value is not { ValueKind: not JsonValueKind.Null } given
        || (given.ValueKind == JsonValueKind.Object && given.TryGetProperty("type", out var named) && Says(named, type));

    private static bool Says(JsonElement? value, string text) => value is { ValueKind: JsonValueKind.String } given && given.ValueEquals(text);
}
