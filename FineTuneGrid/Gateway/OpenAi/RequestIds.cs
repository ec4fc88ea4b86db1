using System.Diagnostics;

namespace FineTuneGrid.Gateway.OpenAi;

/// <summary><c>x-request-id</c> on every answer below <c>/v1</c>: OpenAI's clients show it with an error, and here it is the request's trace.</summary>
internal static class RequestIds
{
    private const string Header = "x-request-id";

    public static IApplicationBuilder UseOpenAiRequestIds(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (!context.Request.Path.StartsWithSegments("/v1")) return next(context);
        var id = $"req_{Activity.Current?.TraceId.ToHexString() ?? ActivityTraceId.CreateRandom().ToHexString()}";
        // An error begins its answer anew: only what is set at the start stays.
        context.Response.OnStarting(() =>
        {
            context.Response.Headers[Header] = id;
            return Task.CompletedTask;
        });
        return next(context);
    });
}
