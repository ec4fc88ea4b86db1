using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>
/// Chunks as server-sent events, closed by <c>[DONE]</c>. A refusal before the first is an ordinary answer with its status; a failure after it is
/// an event with the error object.
/// </summary>
/// <param name="write">Writes every chunk by the function that it is given.</param>
internal sealed class SseResponse<T>(Func<Func<T, Task>, CancellationToken, Task> write) : IResult
{
    public Task ExecuteAsync(HttpContext context) => LiveResponse.RunAsync(context, async ct =>
    {
        try
        {
            await write(chunk => SendAsync(context, GridJson.ToBytes(chunk), ct), ct);
            await SendAsync(context, "[DONE]"u8.ToArray(), ct);
        }
        catch (GridException e) when (context.Response.HasStarted)
        {
            await SendAsync(context, OpenAiErrors.ToBytes(ProblemMap.Status(e.Code), e.ToError()), ct);
        }
    });

    private static async Task SendAsync(HttpContext context, byte[] data, CancellationToken ct)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-cache";
            context.Response.Headers["X-Accel-Buffering"] = "no";
        }
        byte[] line = [.. "data: "u8, .. data, .. "\n\n"u8];
        await context.Response.Body.WriteAsync(line, ct);
        await context.Response.Body.FlushAsync(ct);
    }
}
