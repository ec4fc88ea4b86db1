using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Problems;

/// <summary>Refusals on the Hub's routes in the Hub's shape: its clients look at two headers and at <c>error</c>.</summary>
internal static class HubErrors
{
    private const int MaxHeader = 1000;
    private static readonly PathString[] Roots = ["/api/models", "/api/repos", "/api/whoami-v2", "/api/validate-yaml", "/api/hub"];

    private sealed record Body(string Error, string Code, string? Field);

    public static bool IsTheirs(PathString path)
    {
        if (Roots.Any(root => path.StartsWithSegments(root))) return true;
        var parts = path.Value?.Split('/') ?? [];
        return parts.Skip(2).Take(2).Any(p => p is "resolve" or "raw") || (parts.Contains("lfs") && parts.Take(4).Any(p => p.EndsWith(".git", StringComparison.Ordinal)));
    }

    public static async Task WriteAsync(HttpContext context, int status, GridError error)
    {
        // To the clients a 404 says that the repository is missing: another thing that a push names is a fault of the push.
        if (status == 404 && error.Field is not (null or "name" or "org" or "revision" or "path")) status = 422;
        context.Response.StatusCode = status;
        if (status is 429 or 503) context.Response.Headers.RetryAfter = "2";
        if (CodeOf(status, error) is { } code) context.Response.Headers["X-Error-Code"] = code;
        context.Response.Headers["X-Error-Message"] = string.Concat(error.Message.Take(MaxHeader).Select(c => c is >= ' ' and <= '~' ? c : '?'));
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(new Body(error.Message, error.Code, error.Field), GridJson.Options), context.RequestAborted);
    }

    private static string? CodeOf(int status, GridError error) => status != 404 ? null : error.Field switch
    {
        "revision" => "RevisionNotFound",
        "path" => "EntryNotFound",
        _ => "RepoNotFound",
    };
}
