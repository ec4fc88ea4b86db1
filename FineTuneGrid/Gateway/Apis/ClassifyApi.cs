using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/classify</c> in the shape of vLLM's server: the class of each text, by a classifier's adapter or a base with a head of its own.</summary>
public static class ClassifyApi
{
    private sealed record ClassifyRequest(string? Model = null, JsonElement? Input = null);

    private sealed record ClassifyResponse(string Id, string Object, long Created, string Model, IReadOnlyList<Choice> Data, Usage Usage);

    private sealed record Choice(int Index, string Label, IReadOnlyList<double> Probs, int NumClasses);

    private sealed record Usage(int PromptTokens, int TotalTokens, int CompletionTokens);

    public static void MapClassify(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/classify", Classify).WithTags("text").RequireAuthorization(Policies.Member).WithSummary("The class of each text, with the probability of every class")
            .InArea(KeyScopes.Inference).Audited(AuditMode.Never);

    private static async Task<IResult> Classify(HttpContext context, TaskRunner runner, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<ClassifyRequest>(context.Request, ct);
        var inputs = Read(request.Input);
        var subject = await runner.SubjectAsync(context.Caller(), request.Model);
        var reply = await runner.RunAsync(subject, task => task with { Classification = new ClassificationTask(inputs) });
        // A node of an earlier version does not know what it was asked for.
        if (reply.Classifications is not { } found || found.Count != inputs.Count)
            throw new GridException(ErrorCodes.Unavailable, "The node that was asked is of a version that cannot do this; try again when all nodes are upgraded.");
        var (now, tokens) = (time.GetUtcNow(), found.Sum(c => c.Tokens));
        return Results.Json(new ClassifyResponse(Ids.New("classify", now), "list", now.ToUnixTimeSeconds(), request.Model!,
            [.. found.Select((c, i) => new Choice(i, c.Label, c.Probabilities, c.Probabilities.Count))], new Usage(tokens, tokens, 0)), GridJson.Options);
    }

    /// <summary>A text, or a list of texts; in the list a pair of texts is a list of two.</summary>
    private static IReadOnlyList<TextInput> Read(JsonElement? input)
    {
        if (input is not { } given) throw new GridException(ErrorCodes.MissingField, "input is required: a text, or a list of texts.", "input");
        if (given.ValueKind != JsonValueKind.Array) return [new TextInput(Text(given))];
        RunLimits.Check(given.GetArrayLength() is > 0 and <= RunLimits.MaxPrompts, $"input must hold 1 to {RunLimits.MaxPrompts} texts.", "input");
        return [.. given.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Array
            ? item.GetArrayLength() == 2 ? new TextInput(Text(item[0]), Text(item[1])) : throw new GridException(ErrorCodes.InvalidValue, "A list within input must be a pair of texts.", "input")
            : new TextInput(Text(item)))];
    }

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 and <= RunLimits.MaxPromptCharacters } text
        ? text
        : throw new GridException(ErrorCodes.InvalidValue, $"A text of input must be a string of 1 to {RunLimits.MaxPromptCharacters} characters.", "input");
}
