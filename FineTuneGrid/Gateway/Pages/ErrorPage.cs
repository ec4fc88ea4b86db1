using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>A refusal as a page, for people who opened an address in a browser.</summary>
internal static class ErrorPage
{
    private static readonly PathString[] Programs = ["/api", "/v1", "/openapi", "/metrics"];

    public static bool IsWanted(HttpContext context) =>
        context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
        && !Programs.Any(p => context.Request.Path.StartsWithSegments(p)) && ErrorShape.Of(context) == ErrorForm.Problem;

    public static Task WriteAsync(HttpContext context, int status, GridError error, string trace) => Layout.Page(context, ProblemMap.Title(status), Html.Of($"""
        <h1>{ProblemMap.Title(status)}</h1>
        <div class="notice bad" role="alert"><b>{error.Code}</b> {error.Message}{Findings.List(error)}</div>
        <p class="hint">{status}, trace <code>{trace}</code></p>
        <p><a href="/">Back to the overview</a></p>
        """), status).ExecuteAsync(context);
}
