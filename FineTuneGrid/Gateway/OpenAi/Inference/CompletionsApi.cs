using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Problems;
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

    public static void MapCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/completions", Complete).WithTags("openai").RequireAuthorization(Policies.Member)
            .WithSummary("OpenAI's completions: continue or score texts or token ids with a base model or an adapter, whole or as a stream")
            .WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Inference).Audited(AuditMode.Never);

    private static async Task<IResult> Complete(HttpContext context, TaskRunner runner, Completer completer, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CompletionRequest>(context.Request, ct);
        var task = Read(request);
        var stream = Sampling.Stream(request.Stream, request.StreamOptions);
        var (caller, now) = (context.Caller(), time.GetUtcNow());
        var subject = await runner.SubjectAsync(caller, request.Model);
        var head = new TextCompletion(Ids.New("cmpl", now), now.ToUnixTimeSeconds(), request.Model!, [], null);
        if (stream.On)
        {
            return new SseResponse<TextCompletion>(async (send, end) =>
            {
                var all = await StreamedChoices.RunAsync(task.Choices, told => completer.RunAsync(caller, subject, task, told, end),
                    (piece, finish) => send(head with { Choices = [TextChoice.Of(piece, finish)] }));
                if (stream.Usage) await send(head with { Usage = Usage.Of(all, task.N) });
            });
        }
        var completions = await completer.RunAsync(caller, subject, task, told: null, ct);
        return Results.Json(head with { Choices = [.. completions.Select(TextChoice.Of)], Usage = Usage.Of(completions, task.N) }, GridJson.Options);
    }

    private static CompletionTask Read(CompletionRequest request)
    {
        var n = Sampling.Choices(request.N);
        RunLimits.Check(request.BestOf is null || request.BestOf == n, "best_of must be n: every completion is returned.", "best_of");
        Sampling.RefusePenalties(request.PresencePenalty, request.FrequencyPenalty, request.LogitBias);
        RunLimits.Check(string.IsNullOrEmpty(request.Suffix), "suffix must be empty: text is continued, not filled in.", "suffix");
        var echo = request.Echo == true;
        var maxTokens = request.MaxTokens ?? 16;
        RunLimits.Check(maxTokens is >= 0 and <= RunLimits.MaxTokens, $"max_tokens must be between 0 and {RunLimits.MaxTokens}.", "max_tokens");
        RunLimits.Check(maxTokens > 0 || echo, "max_tokens 0 makes no text; set echo to have the prompt scored, or max_tokens to 1 or more.", "max_tokens");
        RunLimits.Check(request.Logprobs is null or (>= 0 and <= RunLimits.MaxLogprobs), $"logprobs must be between 0 and {RunLimits.MaxLogprobs}.", "logprobs");
        RunLimits.CheckSampling(request.Temperature ?? 1, request.TopP ?? 1, request.TopK ?? 0);
        var (texts, tokens) = CompletionPrompts.Read(request.Prompt);
        var task = new CompletionTask(texts, Chat: false, maxTokens, request.Temperature ?? 1, request.TopP ?? 1, Sampling.Seed(request.Seed),
            Math.Max(0, request.TopK ?? 0), CompletionPrompts.Stops(request.Stop), tokens, echo, request.Logprobs, N: n);
        RunLimits.Check(task.Choices <= RunLimits.MaxPrompts, $"n times the number of prompts may be at most {RunLimits.MaxPrompts}.", "n");
        return task;
    }
}
