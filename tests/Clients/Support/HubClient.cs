using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.Clients.Tests.Support;

/// <summary>@huggingface/hub, unmodified, before a grid.</summary>
/// <param name="Key">A grid's key: the client insists on the prefix hf_.</param>
internal sealed record HubClient(Uri Address, string Key)
{
    /// <summary>What a function gave; fails where it threw.</summary>
    public async Task<JsonElement> CallAsync(string function, object parameters, int? pageSize = null, IEnumerable<HubFile>? files = null)
    {
        var answer = await RunAsync(function, parameters, pageSize, files);
        Assert.True(answer.TryGetProperty("result", out var result), $"{function}: {answer}");
        return result;
    }

    /// <summary>The message and the HTTP status of the error that a function threw.</summary>
    public async Task<(string Message, int? Status)> FailAsync(string function, object parameters, IEnumerable<HubFile>? files = null)
    {
        var answer = await RunAsync(function, parameters, null, files);
        Assert.True(answer.TryGetProperty("error", out var error), $"{function} was expected to fail: {answer}");
        var status = error.GetProperty("status");
        return (error.GetProperty("message").GetString()!, status.ValueKind == JsonValueKind.Number ? status.GetInt32() : null);
    }

    private async Task<JsonElement> RunAsync(string function, object parameters, int? pageSize, IEnumerable<HubFile>? files)
    {
        var all = JsonSerializer.SerializeToNode(parameters)!.AsObject();
        all["hubUrl"] = Address.AbsoluteUri.TrimEnd('/');
        all["accessToken"] = "hf_" + Key["ftg_".Length..];
        var request = new JsonObject { ["call"] = function, ["params"] = all };
        if (pageSize is not null) request["pageSize"] = pageSize;
        if (files is not null) request["files"] = JsonSerializer.SerializeToNode(files, JsonSerializerOptions.Web);
        var modules = await NodeModules.FolderAsync();
        var output = await Programs.RunAsync(modules, "node", Path.Combine(NodeModules.Repository, "tests", "Clients", "hub.mjs"), modules, request.ToJsonString());
        return JsonDocument.Parse(output).RootElement;
    }
}

/// <summary>A file to push, and where it is here.</summary>
internal sealed record HubFile(string Path, string File);
