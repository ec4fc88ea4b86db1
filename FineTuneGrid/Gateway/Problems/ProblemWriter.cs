using System.Diagnostics;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.OpenAi;
using FineTuneGrid.Gateway.Pages;
using Microsoft.AspNetCore.Diagnostics;

namespace FineTuneGrid.Gateway.Problems;

/// <summary>Every refusal as RFC 9457 problem+json: type, title, status, detail, and our code, field, findings and trace id.</summary>
public sealed partial class ProblemWriter(ILogger<ProblemWriter> logger) : IExceptionHandler
{
    private static readonly JsonSerializerOptions Json = new(GridJson.Options) { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private sealed record Problem(
        string Type, string Title, int Status, string Detail, string Code, string? Field, IReadOnlyList<GridFinding>? Findings, string TraceId);

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken ct)
    {
        var error = Translate(exception, context.RequestAborted.IsCancellationRequested);
        if (error is null) return true;
        if (error.Code == ErrorCodes.Internal) LogUnexpected(context.Request.Method, context.Request.Path, exception);
        await WriteAsync(context, ProblemMap.Status(error.Code), error);
        return true;
    }

    /// <summary>A body for bare status codes: no route, wrong method, no key.</summary>
    public static Task WriteStatusAsync(StatusCodeContext context)
    {
        var status = context.HttpContext.Response.StatusCode;
        var code = status switch
        {
            401 => ErrorCodes.Unauthenticated,
            403 => ErrorCodes.Forbidden,
            404 => ErrorCodes.NotFound,
            413 => ErrorCodes.TooLarge,
            429 => ErrorCodes.RateLimited,
            _ => ErrorCodes.InvalidRequest,
        };
        var detail = status switch
        {
            401 => "Send 'Authorization: Bearer ftg_...' with a valid key.",
            403 => "The key's role, scopes or organisation do not allow this.",
            404 => $"There is no {context.HttpContext.Request.Path}.",
            405 => $"{context.HttpContext.Request.Method} is not allowed on {context.HttpContext.Request.Path}.",
            415 => $"The content type '{context.HttpContext.Request.ContentType}' is not supported here; send application/json.",
            _ => ProblemMap.Title(status) + ".",
        };
        return WriteAsync(context.HttpContext, status, new GridError(code, detail));
    }

    public static async Task WriteAsync(HttpContext context, int status, GridError error)
    {
        if (context.Response.HasStarted) return;
        if (status is 429 or 503 && context.Response.Headers.RetryAfter.Count == 0) context.Response.Headers.RetryAfter = "2";
        var trace = Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier;
        if (ErrorPage.IsWanted(context))
        {
            await ErrorPage.WriteAsync(context, status, error, trace);
            return;
        }
        await (ErrorShape.Of(context) switch
        {
            ErrorForm.OpenAi => OpenAiErrors.WriteAsync(context, status, error),
            ErrorForm.Hub => HubErrors.WriteAsync(context, status, error),
            _ => WriteProblemAsync(context, status, error, trace),
        });
    }

    private static async Task WriteProblemAsync(HttpContext context, int status, GridError error, string trace)
    {
        context.Response.StatusCode = status;
        var problem = new Problem($"urn:finetunegrid:error:{error.Code}", ProblemMap.Title(status), status, error.Message, error.Code, error.Field,
            error.Findings, trace);
        context.Response.ContentType = "application/problem+json";
        await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(problem, Json), context.RequestAborted);
    }

    private static GridError? Translate(Exception exception, bool aborted) => exception switch
    {
        GridException e => e.ToError(),
        BadHttpRequestException { StatusCode: 413 } e => new(ErrorCodes.TooLarge, e.Message),
        BadHttpRequestException e => new(ErrorCodes.InvalidRequest, e.InnerException is JsonException inner ? $"The body is not the expected JSON: {inner.Message}" : e.Message),
        JsonException e => new(ErrorCodes.InvalidJson, $"The body is not the expected JSON: {e.Message}"),
        OperationCanceledException when aborted => null,
        TimeoutException => new(ErrorCodes.Unavailable, "The grid did not answer in time; the outcome is unknown, read the state before trying again."),
        Orleans.Runtime.OrleansException e => new(ErrorCodes.Unavailable, $"The grid is not available: {e.Message.Split('\n')[0].TrimEnd()}"),
        _ => new(ErrorCodes.Internal, "An unexpected fault; the trace id finds it in the server's log."),
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed unexpectedly")]
    private partial void LogUnexpected(string method, string path, Exception exception);
}
