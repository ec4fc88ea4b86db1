using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Cli;

/// <summary>The REST API as the commands use it. Every refusal becomes a <see cref="CliException"/> with the server's own words.</summary>
public sealed class GridClient : IDisposable
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(15);

    private readonly HttpClient _http;

    public GridClient(string? url, string? apiKey)
    {
        url = string.IsNullOrEmpty(url) ? "http://127.0.0.1:5080" : url;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new CliException($"FTG_URL is not an http(s) address: {url}", 2);
        _http = new HttpClient { BaseAddress = new Uri(address.AbsoluteUri.TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        if (!string.IsNullOrEmpty(apiKey)) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey.Trim());
    }

    public static GridClient FromEnvironment() =>
        new(Environment.GetEnvironmentVariable("FTG_URL"), Environment.GetEnvironmentVariable("FTG_API_KEY"));

    public Task<JsonElement> GetAsync(string path, CancellationToken ct) => JsonAsync(HttpMethod.Get, path, null, ct);

    public async Task<T> GetAsync<T>(string path, CancellationToken ct) => (await GetAsync(path, ct)).Deserialize<T>(GridJson.Options)!;

    /// <param name="limit">How long the answer may take to begin; default: 15 minutes.</param>
    public Task<JsonElement> PostAsync(string path, object? body, CancellationToken ct, TimeSpan? limit = null) => JsonAsync(HttpMethod.Post, path, body, ct, limit);

    public async Task<T> PostAsync<T>(string path, object? body, CancellationToken ct) =>
        (await PostAsync(path, body, ct)).Deserialize<T>(GridJson.Options)!;

    public Task<JsonElement> PutAsync(string path, object body, CancellationToken ct) => JsonAsync(HttpMethod.Put, path, body, ct);

    public Task<JsonElement> DeleteAsync(string path, CancellationToken ct) => JsonAsync(HttpMethod.Delete, path, null, ct);

    /// <summary>All pages of a list, or its first items.</summary>
    /// <param name="most">0 for all.</param>
    public async Task<List<JsonElement>> ListAsync(string path, CancellationToken ct, int most = 0)
    {
        var all = new List<JsonElement>();
        string? after = null;
        do
        {
            var page = await GetAsync(after is null ? path : path + (path.Contains('?') ? '&' : '?') + "after=" + Uri.EscapeDataString(after), ct);
            all.AddRange(page.GetProperty("data").EnumerateArray());
            after = page.TryGetProperty("next", out var next) && next.ValueKind != JsonValueKind.Null ? next.ToString() : null;
        }
        while (after is not null && (most <= 0 || all.Count < most));
        return most > 0 && all.Count > most ? all[..most] : all;
    }

    /// <summary>Sends a request as it is; the caller owns the response. Transport faults name the address.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct, TimeSpan? limit = null)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        end.CancelAfter(limit ?? DefaultLimit);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end.Token);
        }
        catch (HttpRequestException e)
        {
            throw new CliException($"no answer from {_http.BaseAddress}: {e.Message}; is the grid up, and FTG_URL right?", inner: e);
        }
        catch (TaskCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new CliException($"{request.RequestUri} did not answer in time", inner: e);
        }
    }

    /// <summary>The same, where only a success is of use.</summary>
    public async Task<HttpResponseMessage> SendOkAsync(HttpRequestMessage request, CancellationToken ct)
    {
        var response = await SendAsync(request, ct);
        if (response.IsSuccessStatusCode) return response;
        using (response) await EnsureOkAsync(response, ct);
        return response;
    }

    public static async Task EnsureOkAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if (response.IsSuccessStatusCode) return;
        throw new CliException(Describe(response.StatusCode, await response.Content.ReadAsStringAsync(ct)));
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonElement> JsonAsync(HttpMethod method, string path, object? body, CancellationToken ct, TimeSpan? limit = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (method == HttpMethod.Post || method == HttpMethod.Put) request.Content = JsonContent.Create(body ?? new { }, options: GridJson.Options);
        using var response = await SendAsync(request, ct, limit);
        await EnsureOkAsync(response, ct);
        if (response.StatusCode == HttpStatusCode.NoContent) return default;
        var bytes = await response.Content.ReadAsByteArrayAsync(ct);
        return bytes.Length == 0 ? default : JsonDocument.Parse(bytes).RootElement;
    }

    /// <summary>One line from a problem document: its detail, and up to five findings.</summary>
    private static string Describe(HttpStatusCode status, string body)
    {
        if (status == HttpStatusCode.Unauthorized) return "401: no valid API key; set FTG_API_KEY (a new grid writes the admin's to DATA/admin.key)";
        try
        {
            using var document = JsonDocument.Parse(body);
            var problem = document.RootElement;
            var text = problem.TryGetProperty("detail", out var detail) ? detail.GetString() : problem.GetProperty("title").GetString();
            if (problem.TryGetProperty("findings", out var findings) && findings.ValueKind == JsonValueKind.Array && findings.GetArrayLength() > 1)
                // The reason comes last: it is the line that scripts and people look at.
                return string.Concat(findings.EnumerateArray().Take(5).Select(f => $"  {f.GetProperty("message").GetString()}\n")) + $"{(int)status}: {text}";
            return $"{(int)status}: {text}";
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return $"{(int)status}: {(body.Length > 200 ? body[..200] : body)}";
        }
    }
}
