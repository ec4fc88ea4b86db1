using System.Text.Json;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Problems;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>OpenAI's <c>/v1/chat/completions</c> on a base model or an adapter, in the model's chat template as training has it.</summary>
public static class ChatApi
{
    public static void MapChat(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/chat/completions", Complete).WithTags("openai").RequireAuthorization(Policies.Member)
            .WithSummary("OpenAI's chat completions: what a base model or an adapter answers to messages, whole or as a stream")
            .WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Inference).Audited(AuditMode.Never);

    private static async Task<IResult> Complete(HttpContext context, TaskRunner runner, Completer completer, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<ChatRequest>(context.Request, ct);
        var task = request.ToTask();
        var stream = Sampling.Stream(request.Stream, request.StreamOptions);
        var (caller, now) = (context.Caller(), time.GetUtcNow());
        var subject = await runner.SubjectAsync(caller, request.Model);
        var (id, created, likeliest) = (Ids.New("chatcmpl", now), now.ToUnixTimeSeconds(), request.TopLogprobs ?? 0);
        if (stream.On)
        {
            var head = new ChatChunk(id, created, request.Model!, [], null);
            return new SseResponse<ChatChunk>((send, end) => StreamAsync(
                head, task, likeliest, stream.Usage, send, told => completer.RunAsync(caller, subject, task, told, end)));
        }
        var completions = await completer.RunAsync(caller, subject, task, told: null, ct);
        return Results.Json(new ChatCompletion(id, created, request.Model!, [.. completions.Select((c, i) => ChatChoice.Of(c, i, likeliest))], Usage.Of(completions, task.N)), GridJson.Options);
    }

    private static async Task StreamAsync(ChatChunk head, CompletionTask task, int likeliest, bool usage, Func<ChatChunk, Task> send,
        Func<Func<IReadOnlyList<CompletionPiece>, Task>, Task<IReadOnlyList<Completion>>> run)
    {
        var begun = new bool[task.Choices];
        var all = await StreamedChoices.RunAsync(task.Choices, run, async (piece, finish) =>
        {
            // Who speaks is said once, before the first words.
            if (!begun[piece.Index]) await send(head with { Choices = [ChatDelta.First(piece.Index)] });
            begun[piece.Index] = true;
            await send(head with { Choices = [ChatDelta.Of(piece, finish, likeliest)] });
        });
        if (usage) await send(head with { Usage = Usage.Of(all, task.N) });
    }
}
