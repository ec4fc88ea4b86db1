using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.Clients.Tests.Support;

/// <summary>The npm package openai, unmodified, before a grid.</summary>
internal sealed record OpenAiClient(Uri Address, string Key)
{
    /// <summary>What a method gave: of a list all items of all pages, of a stream all pieces; fails where it threw.</summary>
    /// <param name="method">Its path on the client, such as <c>files.create</c>.</param>
    public async Task<JsonElement> CallAsync(string method, params object?[] arguments)
    {
        var answer = await RunAsync(method, arguments);
        Assert.True(answer.TryGetProperty("result", out var result), $"{method}: {answer}");
        return result;
    }

    /// <summary>The error that a method threw.</summary>
    public async Task<OpenAiError> FailAsync(string method, params object?[] arguments)
    {
        var answer = await RunAsync(method, arguments);
        Assert.True(answer.TryGetProperty("error", out var error), $"{method} was expected to fail: {answer}");
        return error.Deserialize<OpenAiError>(JsonSerializerOptions.Web)!;
    }

    /// <summary>Stands among the arguments for a file on this machine.</summary>
    /// <param name="name">What the client is to call it; null for its own name.</param>
    public static object File(string path, string? name = null) => new Dictionary<string, string?> { ["$file"] = path, ["name"] = name };

    private async Task<JsonElement> RunAsync(string method, object?[] arguments)
    {
        var request = new JsonObject
        {
            ["call"] = method, ["args"] = JsonSerializer.SerializeToNode(arguments),
            ["options"] = new JsonObject { ["baseURL"] = Address.AbsoluteUri + "v1", ["apiKey"] = Key, ["maxRetries"] = 0 },
        };
        var modules = await NodeModules.FolderAsync();
        var output = await Programs.RunAsync(modules, "node", Path.Combine(NodeModules.Repository, "tests", "Clients", "openai.mjs"), modules, request.ToJsonString());
        return JsonDocument.Parse(output).RootElement;
    }
}

/// <param name="Kind">The client's class of the error.</param>
internal sealed record OpenAiError(string Kind, string Message, int? Status, string? Type, string? Param, string? Code);
