using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Problems;

/// <summary>Refusals on the Hub's routes in the Hub's shape: its clients look at two headers and at <c>error</c>.</summary>
internal static class HubErrors
{
    private const int MaxHeader = 1000;

    private sealed record Body(string Error, string Code, string? Field);

    public static async Task WriteAsync(HttpContext context, int status, GridError error)
    {
        // To the clients a 404 says that the repository is missing: another thing that a push names is a fault of the push.
        if (status == 404 && error.Field is not (null or "name" or "org" or "revision" or "path")) status = 422;
        context.Response.StatusCode = status;
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
