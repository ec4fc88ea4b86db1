using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/tokenize</c> and <c>/detokenize</c> in the shapes of vLLM's server: a text or a conversation to ids, and back.</summary>
public static class TokenizeApi
{
    private const int MaxTokens = 1 << 18;

    private sealed record TokenizeRequest(
        string? Model = null, string? Prompt = null, JsonElement? Messages = null, bool? AddSpecialTokens = null, bool? ReturnTokenStrs = null,
        bool? AddGenerationPrompt = null, bool? ContinueFinalMessage = null, JsonElement? Tools = null, JsonElement? ChatTemplateKwargs = null,
        string? ChatTemplate = null);

    private sealed record TokenizeResponse(
        int Count, int MaxModelLen, IReadOnlyList<int> Tokens, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<string>? TokenStrs);

    private sealed record DetokenizeBody(string? Model = null, IReadOnlyList<int>? Tokens = null);

    public static void MapTokenize(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").WithTags("text").RequireAuthorization(Policies.Reader).InArea(KeyScopes.Inference).Audited(AuditMode.Never);
        group.MapPost("/tokenize", Tokenize).WithSummary("Token ids of a prompt, or of messages in the model's chat template");
        group.MapPost("/detokenize", Detokenize).WithSummary("The text of token ids");
    }

    private static async Task<IResult> Tokenize(HttpContext context, TaskRunner runner, TextService text, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<TokenizeRequest>(context.Request, ct);
        if (request.Prompt is null == request.Messages is null)
            throw new GridException(request.Prompt is null ? ErrorCodes.MissingField : ErrorCodes.InvalidValue, "Exactly one of prompt and messages is required.", "prompt");
        if (request is { ContinueFinalMessage: true, AddGenerationPrompt: true })
            throw new GridException(ErrorCodes.InvalidValue, "continue_final_message leaves the last message open, add_generation_prompt begins a new one; choose one.", "continue_final_message");
        if (request.ChatTemplate is not null)
            throw new GridException(ErrorCodes.InvalidValue, "chat_template must be left out: the model's own template is used, as in training. Its variables go into chat_template_kwargs.", "chat_template");
        Shape(request.Tools, JsonValueKind.Array, "tools must be a list.", "tools");
        Shape(request.ChatTemplateKwargs, JsonValueKind.Object, "chat_template_kwargs must be an object.", "chat_template_kwargs");
        var model = (await runner.SubjectAsync(context.Caller(), request.Model)).Model;
        var chat = request.Messages is not null;
        // The template of a conversation writes bos itself; a bare text has nobody else to.
        var reply = await text.TokenizeAsync(new TokenizeTextRequest(model, request.Prompt, request.Messages, request.Tools, request.ChatTemplateKwargs,
            request.AddSpecialTokens ?? !chat, request.AddGenerationPrompt ?? request.ContinueFinalMessage != true, request.ContinueFinalMessage == true), ct);
        return Results.Json(new TokenizeResponse(reply.Tokens.Count, model.ContextLength, reply.Tokens, request.ReturnTokenStrs == true ? reply.TokenStrings : null), GridJson.Options);
    }

    private static async Task<IResult> Detokenize(HttpContext context, TaskRunner runner, TextService text, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<DetokenizeBody>(context.Request, ct);
        if (request.Tokens is not { Count: <= MaxTokens } tokens)
            throw new GridException(request.Tokens is null ? ErrorCodes.MissingField : ErrorCodes.TooLarge, $"tokens is required: a list of at most {MaxTokens} ids.", "tokens");
        var model = (await runner.SubjectAsync(context.Caller(), request.Model)).Model;
        return Results.Json(new { prompt = await text.DetokenizeAsync(new DetokenizeRequest(model, tokens), ct) }, GridJson.Options);
    }

    private static void Shape(JsonElement? value, JsonValueKind kind, string message, string field)
    {
        if (value is { } given && given.ValueKind != kind) throw new GridException(ErrorCodes.InvalidValue, message, field);
    }
}
