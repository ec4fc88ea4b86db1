using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

internal sealed record Answer(HttpStatusCode Status, string Text)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public Answer Ok() => (int)Status < 300 ? this : throw new InvalidOperationException($"HTTP {(int)Status}: {Text}");

    public string? this[string property] => Json.TryGetProperty(property, out var value) ? value.ToString() : null;
}

/// <summary>The REST calls of the README.</summary>
internal static class Rest
{
    public static async Task<Answer> SendAsync(this GridProcess grid, HttpMethod method, string path, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var limit = new CancellationTokenSource(Eventually.Limit);
        using var response = await grid.Http.SendAsync(request, limit.Token);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(limit.Token));
    }

    public static Task<Answer> GetAsync(this GridProcess grid, string path) => grid.SendAsync(HttpMethod.Get, path);

    public static Task<Answer> PostAsync(this GridProcess grid, string path, string? json = null) =>
        grid.SendAsync(HttpMethod.Post, path, json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>Creates a model or data set (<paramref name="kind"/>: <c>models</c>, <c>datasets</c>), puts its files and commits it.</summary>
    public static async Task<Answer> AddAsync(this GridProcess grid, string kind, string name, params (string Path, byte[] Bytes)[] files)
    {
        (await grid.PostAsync($"/api/v1/{kind}", $$"""{"name":"{{name}}"}""")).Ok();
        foreach (var (path, bytes) in files)
            (await grid.SendAsync(HttpMethod.Put, $"/api/v1/{kind}/{name}/files/{path}", new ByteArrayContent(bytes))).Ok();
        return await grid.PostAsync($"/api/v1/{kind}/{name}/commit");
    }

    public static async Task<string> SubmitAsync(this GridProcess grid, JsonObject spec) =>
        (await grid.PostAsync("/api/v1/jobs", spec.ToJsonString())).Ok()["id"]!;

    public static Task<Answer> PlanAsync(this GridProcess grid, JsonObject spec) => grid.PostAsync("/api/v1/jobs?dry_run=true", spec.ToJsonString());

    /// <summary>SHA-256 of the adapter's weights as the registry states it. There must be exactly one version.</summary>
    public static async Task<string> OnlyVersionAsync(this GridProcess grid, string adapter)
    {
        var versions = (await grid.GetAsync($"/api/v1/adapters/{adapter}")).Ok().Json.GetProperty("versions");
        var version = Assert.Single(versions.EnumerateArray());
        return version.GetProperty("files").EnumerateArray().Single(f => f.GetProperty("path").GetString() == "adapter_model.safetensors").GetProperty("sha256").GetString()!;
    }

    public static async Task<byte[]> PullAsync(this GridProcess grid, string adapter, string file)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        return await grid.Http.GetByteArrayAsync($"/api/v1/adapters/{adapter}/versions/1/files/{file}", limit.Token);
    }
}
