using System.Diagnostics;
using System.Security.Claims;
using FineTuneGrid.Contracts.Audit;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Gateway.Audit;

/// <summary>
/// Has every request for a change by a known caller in the audit log, whatever its outcome; as a rule before the caller has an
/// answer. Where the log cannot be written for some seconds the answer goes out, and the record follows.
/// </summary>
public static partial class AuditTrail
{
    private const int MaxObject = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static IApplicationBuilder UseAuditTrail(this IApplicationBuilder app) => app.Use((context, next) =>
        context.GetEndpoint() is RouteEndpoint route && ModeOf(context, route) is var mode and not AuditMode.Never ? RunAsync(context, next, route, mode) : next(context));

    private static AuditMode ModeOf(HttpContext context, Endpoint route) => HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
        ? AuditMode.Never : route.Metadata.GetMetadata<AuditPolicy>()?.Mode ?? AuditMode.BeforeAnswer;

    private static async Task RunAsync(HttpContext context, RequestDelegate next, RouteEndpoint route, AuditMode mode)
    {
        var log = context.RequestServices.GetRequiredService<AuditLog>();
        var time = context.RequestServices.GetRequiredService<TimeProvider>();
        // Kept now: what handles exceptions takes the route away.
        var name = $"{context.Request.Method} {route.RoutePattern.RawText}";
        var taken = false;
        Task Take(int status)
        {
            if (taken || context.User.FindFirstValue(ClaimTypes.NameIdentifier) is null) return Task.CompletedTask;
            taken = true;
            return log.WriteAsync(Record(context, name, status, time.GetUtcNow()), now: mode == AuditMode.BeforeAnswer);
        }
        context.Response.OnStarting(async () =>
        {
            var written = Take(context.Response.StatusCode);
            if (mode != AuditMode.BeforeAnswer || await WithinPatienceAsync(written)) return;
            LogLate(context.RequestServices.GetRequiredService<ILogger<AuditLog>>(), name);
        });
        try
        {
            await next(context);
        }
        finally
        {
            // No answer was begun: nobody is there to take it.
            if (context.RequestAborted.IsCancellationRequested) _ = Take(AuditRecord.CallerGone);
        }
    }

    private static async Task<bool> WithinPatienceAsync(Task written)
    {
        try
        {
            await written.WaitAsync(Patience);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static AuditRecord Record(HttpContext context, string route, int status, DateTimeOffset now)
    {
        var (caller, request) = (context.Caller(), context.Request);
        var target = context.Features.Get<AuditSubject>()?.Name ?? (context.Response.Headers.Location.ToString() is { Length: > 0 } location ? location : request.Path + request.QueryString.ToString());
        return new AuditRecord(now, caller.KeyId, caller.Org, route, target.Length > MaxObject ? target[..MaxObject] : target, status,
            Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier);
    }

    [LoggerMessage(LogLevel.Warning, "The audit record of {Route} is late: the store does not take it")]
    private static partial void LogLate(ILogger logger, string route);
}
