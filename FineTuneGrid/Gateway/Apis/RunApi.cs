using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/generate</c> and <c>/api/v1/evaluate</c>: trying a base model or an adapter on a live node.</summary>
public static class RunApi
{
    private const int MaxPrompts = 256;
    private const int MaxPromptCharacters = 100_000;

    private sealed record GenerateRequest(
        string? Model = null, IReadOnlyList<string>? Prompts = null, bool Chat = false, int MaxTokens = 128, double Temperature = 0, double TopP = 1, long Seed = 0);

    private sealed record EvaluateRequest(string? Model = null, string? Dataset = null, int ExactMatchRows = 0, string Format = "auto");

    public static void MapRuns(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("runs");
        group.MapPost("/generate", Generate).RequireAuthorization(Policies.Member).WithSummary("Complete prompts with a base model or an adapter");
        group.MapPost("/evaluate", Evaluate).RequireAuthorization(Policies.Member).WithSummary("Loss, and exact match, of a model on a data set").Produces<EvaluationReply>();
    }

    private static async Task<IResult> Generate(HttpContext context, TaskRunner runner, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<GenerateRequest>(context.Request, ct);
        if (request.Prompts is not { Count: > 0 and <= MaxPrompts } prompts)
            throw new GridException(ErrorCodes.InvalidValue, $"prompts must hold 1 to {MaxPrompts} texts.", "prompts");
        if (prompts.Any(p => string.IsNullOrEmpty(p) || p.Length > MaxPromptCharacters))
            throw new GridException(ErrorCodes.InvalidValue, $"A prompt must have 1 to {MaxPromptCharacters} characters.", "prompts");
        Check(request.MaxTokens is >= 1 and <= 8192, "max_tokens must be between 1 and 8192.", "max_tokens");
        Check(request.Temperature is >= 0 and <= 10, "temperature must be between 0 and 10.", "temperature");
        Check(request.TopP is > 0 and <= 1, "top_p must be above 0 and at most 1.", "top_p");
        var subject = await runner.SubjectAsync(context.Caller(), request.Model);
        var reply = await runner.RunAsync(subject, (task) => task with
        {
            Completion = new CompletionTask(prompts, request.Chat, request.MaxTokens, request.Temperature, request.TopP, request.Seed),
        });
        return Results.Json(new { completions = reply.Completions }, GridJson.Options);
    }

    private static async Task<IResult> Evaluate(HttpContext context, TaskRunner runner, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<EvaluateRequest>(context.Request, ct);
        Check(request.ExactMatchRows is >= 0 and <= 10_000, "exact_match_rows must be between 0 and 10000.", "exact_match_rows");
        var subject = await runner.SubjectAsync(context.Caller(), request.Model);
        var tokens = await runner.TokensAsync(context.Caller(), request.Dataset, subject, request.Format);
        var reply = await runner.RunAsync(subject, task => task with { Evaluation = new EvaluationTask(tokens, request.ExactMatchRows) });
        return Results.Json(reply.Evaluation, GridJson.Options);
    }

    private static void Check(bool holds, string message, string field)
    {
        if (!holds) throw new GridException(ErrorCodes.InvalidValue, message, field);
    }
}
