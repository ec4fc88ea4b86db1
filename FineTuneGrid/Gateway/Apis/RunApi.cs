using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/generate</c> and <c>/api/v1/evaluate</c>: trying a base model or an adapter on a live node.</summary>
public static class RunApi
{
    private sealed record GenerateRequest(
        string? Model = null, IReadOnlyList<string>? Prompts = null, bool Chat = false, int MaxTokens = 128, double Temperature = 0, double TopP = 1, long Seed = 0,
        int TopK = 0, IReadOnlyList<string>? Stop = null);

    private sealed record EvaluateRequest(string? Model = null, string? Dataset = null, int ExactMatchRows = 0, string Format = "auto", string? LabelColumn = null);

    public static void MapRuns(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("runs").InArea(KeyScopes.Inference).Audited(AuditMode.Never);
        group.MapPost("/generate", Generate).RequireAuthorization(Policies.Member).WithSummary("Complete prompts with a base model or an adapter");
        group.MapPost("/evaluate", Evaluate).RequireAuthorization(Policies.Member).WithSummary("Loss of a model on a data set, with exact match or, of a classifier, accuracy and macro F1").Produces<EvaluationReply>();
    }

    private static async Task<IResult> Generate(HttpContext context, TaskRunner runner, Completer completer, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<GenerateRequest>(context.Request, ct);
        if (request.Prompts is not { Count: > 0 and <= RunLimits.MaxPrompts } prompts)
            throw new GridException(ErrorCodes.InvalidValue, $"prompts must hold 1 to {RunLimits.MaxPrompts} texts.", "prompts");
        if (prompts.Any(p => string.IsNullOrEmpty(p) || p.Length > RunLimits.MaxPromptCharacters))
            throw new GridException(ErrorCodes.InvalidValue, $"A prompt must have 1 to {RunLimits.MaxPromptCharacters} characters.", "prompts");
        RunLimits.Check(request.MaxTokens is >= 1 and <= RunLimits.MaxTokens, $"max_tokens must be between 1 and {RunLimits.MaxTokens}.", "max_tokens");
        RunLimits.CheckSampling(request.Temperature, request.TopP, request.TopK);
        var stop = RunLimits.Stops(request.Stop);
        var subject = await runner.SubjectAsync(context.Caller(), request.Model);
        var task = new CompletionTask(prompts, request.Chat, request.MaxTokens, request.Temperature, request.TopP, request.Seed, Math.Max(0, request.TopK), stop);
        return Results.Json(new { completions = await completer.RunAsync(context.Caller(), subject, task, told: null, ct) }, GridJson.Options);
    }

    private static async Task<IResult> Evaluate(HttpContext context, TaskRunner runner, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<EvaluateRequest>(context.Request, ct);
        RunLimits.Check(request.ExactMatchRows is >= 0 and <= 10_000, "exact_match_rows must be between 0 and 10000.", "exact_match_rows");
        var subject = await runner.SubjectAsync(context.Caller(), request.Model);
        var tokens = await runner.TokensAsync(context.Caller(), request.Dataset, subject, request.Format, request.LabelColumn);
        var reply = await runner.RunAsync(subject, task => task with { Evaluation = new EvaluationTask(tokens, request.ExactMatchRows) });
        return Results.Json(reply.Evaluation, GridJson.Options);
    }
}
