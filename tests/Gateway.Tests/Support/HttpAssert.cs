using System.Net;
using System.Text;
using System.Text.Json;

namespace FineTuneGrid.Gateway.Tests.Support;

internal static class HttpAssert
{
    /// <summary>The body as JSON, after the status was what it should be.</summary>
    public static async Task<JsonElement> JsonAsync(this Task<HttpResponseMessage> sent, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var response = await sent;
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(expected == response.StatusCode, $"{response.RequestMessage!.Method} {response.RequestMessage.RequestUri} gave {(int)response.StatusCode}, not {(int)expected}: {body}");
        return body.Length == 0 ? default : JsonDocument.Parse(body).RootElement;
    }

    /// <summary>A whole problem document of that status and code.</summary>
    public static async Task<JsonElement> ProblemAsync(this Task<HttpResponseMessage> sent, HttpStatusCode status, string code)
    {
        using var response = await sent;
        var body = await response.Content.ReadAsStringAsync();
        var what = $"{response.RequestMessage!.Method} {response.RequestMessage.RequestUri}: {(int)response.StatusCode} {body}";
        Assert.True(status == response.StatusCode, what);
        Assert.True(response.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{what} ({response.Content.Headers.ContentType})");
        var problem = JsonDocument.Parse(body).RootElement;
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal($"urn:finetunegrid:error:{code}", problem.GetProperty("type").GetString());
        foreach (var member in (string[])["title", "detail", "traceId"]) Assert.False(string.IsNullOrEmpty(problem.GetProperty(member).GetString()), $"{member} of {what}");
        return problem;
    }

    public static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
