using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>
/// OpenAI's <c>/v1/completions</c> on a base model or an adapter. <c>echo</c> with <c>logprobs</c> and <c>max_tokens</c> 0 or 1 scores
/// given text, as evaluation harnesses ask for.
/// </summary>
public static class CompletionsApi
{
    /// <summary>What a caller may leave out has OpenAI's defaults; <c>top_k</c> is vLLM's addition.</summary>
    private sealed record CompletionRequest(
        string? Model = null, JsonElement? Prompt = null, bool? Echo = null, int? Logprobs = null, int? MaxTokens = null, double? Temperature = null,
        double? TopP = null, int? TopK = null, JsonElement? Stop = null, long? Seed = null, int? N = null, int? BestOf = null, bool? Stream = null,
        JsonElement? StreamOptions = null, double? PresencePenalty = null, double? FrequencyPenalty = null, JsonElement? LogitBias = null, string? Suffix = null,
        string? User = null);

    private sealed record CompletionResponse(string Id, string Object, long Created, string Model, IReadOnlyList<Choice> Choices, Usage Usage);

    private sealed record Choice(
        int Index, string Text, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] Logprobs? Logprobs, string FinishReason);

    // OpenAI writes null for what was not asked for.
    private sealed record Logprobs(
        IReadOnlyList<string> Tokens,
        IReadOnlyList<double?> TokenLogprobs,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<IReadOnlyDictionary<string, double>?>? TopLogprobs,
        IReadOnlyList<int> TextOffset);

    private sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens);

    public static void MapCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/completions", Complete).WithTags("openai").RequireAuthorization(Policies.Member)
            .WithSummary("OpenAI's completions: continue or score texts or token ids with a base model or an adapter");

    private static async Task<IResult> Complete(HttpContext context, TaskRunner runner, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CompletionRequest>(context.Request, ct);
        var task = Read(request);
        var subject = await runner.SubjectAsync(context.Caller(), request.Model);
        var reply = await runner.RunAsync(subject, t => t with { Completion = task });
        var completions = reply.Completions ?? [];
        // A node of an earlier version does not know what it was asked for.
        if (completions.Count != (task.PromptTokens?.Count ?? task.Prompts.Count) || completions.Any(c => c.Logprobs is null != task.Logprobs is null))
            throw new GridException(ErrorCodes.Unavailable, "The node that was asked is of a version that cannot do this; try again when all nodes are upgraded.");
        var now = time.GetUtcNow();
        var usage = (Prompt: completions.Sum(c => c.PromptTokens), New: completions.Sum(c => c.CompletionTokens));
        return Results.Json(new CompletionResponse(Ids.New("cmpl", now), "text_completion", now.ToUnixTimeSeconds(), request.Model!, [.. completions.Select(Shape)],
            new Usage(usage.Prompt, usage.New, usage.Prompt + usage.New)), GridJson.Options);
    }

    private static Choice Shape(Completion completion, int index) => new(index, completion.Text,
        completion.Logprobs is { } l ? new Logprobs(l.Tokens, l.TokenLogprobs, l.TopLogprobs, l.TextOffset) : null, completion.FinishReason);

    private static CompletionTask Read(CompletionRequest request)
    {
        Refuse(request);
        var echo = request.Echo == true;
        var maxTokens = request.MaxTokens ?? 16;
        RunLimits.Check(maxTokens is >= 0 and <= RunLimits.MaxTokens, $"max_tokens must be between 0 and {RunLimits.MaxTokens}.", "max_tokens");
        RunLimits.Check(maxTokens > 0 || echo, "max_tokens 0 makes no text; set echo to have the prompt scored, or max_tokens to 1 or more.", "max_tokens");
        RunLimits.Check(request.Logprobs is null or (>= 0 and <= RunLimits.MaxLogprobs), $"logprobs must be between 0 and {RunLimits.MaxLogprobs}.", "logprobs");
        RunLimits.CheckSampling(request.Temperature ?? 1, request.TopP ?? 1, request.TopK ?? 0);
        var (texts, tokens) = CompletionPrompts.Read(request.Prompt);
        return new CompletionTask(texts, Chat: false, maxTokens, request.Temperature ?? 1, request.TopP ?? 1, request.Seed ?? Random.Shared.NextInt64(),
            Math.Max(0, request.TopK ?? 0), CompletionPrompts.Stops(request.Stop), tokens, echo, request.Logprobs);
    }

    /// <summary>What OpenAI has and this has not is refused where it would change the answer.</summary>
    private static void Refuse(CompletionRequest request)
    {
        RunLimits.Check(request.N is null or 1, "n must be 1: one completion a prompt; send the prompt several times, with several seeds, for more.", "n");
        RunLimits.Check(request.BestOf is null or 1, "best_of must be 1: no choice is made among completions.", "best_of");
        RunLimits.Check(request.Stream != true, "stream must be false: a completion is sent whole.", "stream");
        RunLimits.Check(request.StreamOptions is null, "stream_options is for streams; leave it out.", "stream_options");
        RunLimits.Check(request.PresencePenalty is null or 0, "presence_penalty must be 0.", "presence_penalty");
        RunLimits.Check(request.FrequencyPenalty is null or 0, "frequency_penalty must be 0.", "frequency_penalty");
        RunLimits.Check(request.LogitBias is not { } bias || (bias.ValueKind == JsonValueKind.Object && !bias.EnumerateObject().Any()), "logit_bias must be empty.", "logit_bias");
        RunLimits.Check(string.IsNullOrEmpty(request.Suffix), "suffix must be empty: text is continued, not filled in.", "suffix");
    }
}
