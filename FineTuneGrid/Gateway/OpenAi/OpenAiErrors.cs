using System.Text.Json.Serialization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.OpenAi;

/// <summary>Refusals below <c>/v1</c> in OpenAI's shape, which its clients read.</summary>
internal static class OpenAiErrors
{
    private sealed record Body(Error Error);

    private sealed record Error(
        string Message, string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param, string Code);

    public static async Task WriteAsync(HttpContext context, int status, GridError error)
    {
        // OpenAI knows no 422: what does not fit is a bad request.
        context.Response.StatusCode = status == 422 ? 400 : status;
        // Its clients take a 409 for a lock that is soon free.
        if (status == 409) context.Response.Headers["x-should-retry"] = "false";
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(ToBytes(status, error), context.RequestAborted);
    }

    /// <summary>The error object, as a body or as an event of a stream that has begun.</summary>
    /// <param name="status">What <see cref="ProblemMap"/> has for the error.</param>
    public static byte[] ToBytes(int status, GridError error)
    {
        var (type, code) = status switch
        {
            401 => ("authentication_error", "invalid_api_key"),
            403 => ("permission_error", error.Code),
            404 => ("invalid_request_error", error.Field == "model" ? "model_not_found" : error.Code),
            429 => ("rate_limit_error", error.Code),
            >= 500 => ("server_error", error.Code),
            _ => ("invalid_request_error", error.Code),
        };
        return GridJson.ToBytes(new Body(new Error(error.Message, type, error.Field, code)));
    }
}
