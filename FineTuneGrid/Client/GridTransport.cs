using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Client;

/// <summary>Requests to one grid, in its JSON; refusals become <see cref="GridException"/>.</summary>
internal sealed class GridTransport : IDisposable
{
    private readonly HttpClient _http;

    public GridTransport(Uri address, string? apiKey, HttpMessageHandler? handler)
    {
        _http = handler is null ? new HttpClient() : new HttpClient(handler, disposeHandler: false);
        _http.BaseAddress = new Uri(address.AbsoluteUri.TrimEnd('/') + "/");
        // Streams and large files take as long as they take; callers have cancellation.
        _http.Timeout = Timeout.InfiniteTimeSpan;
        if (!string.IsNullOrWhiteSpace(apiKey)) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey.Trim());
    }

    public Task<T> GetAsync<T>(string path, CancellationToken ct) => JsonAsync<T>(HttpMethod.Get, path, null, null, ct);

    public Task<T> PostAsync<T>(string path, object? body, CancellationToken ct, string? idempotencyKey = null) => JsonAsync<T>(HttpMethod.Post, path, body ?? new { }, idempotencyKey, ct);

    public async Task DeleteAsync(string path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, path);
        using var response = await SendAsync(request, ct);
    }

    /// <summary>All pages of a list.</summary>
    public async IAsyncEnumerable<T> ListAsync<T>(string path, [EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        do
        {
            var page = await GetAsync<Page<T>>(after is null ? path : $"{path}{(path.Contains('?') ? '&' : '?')}after={Uri.EscapeDataString(after)}", ct);
            foreach (var item in page.Data) yield return item;
            after = page.Next is { ValueKind: not JsonValueKind.Null } next ? next.ToString() : null;
        }
        while (after is not null);
    }

    /// <summary>Sends a request; the caller owns the response, whose body is still to be read.</summary>
    /// <exception cref="GridException">The grid refused it.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (response.IsSuccessStatusCode) return response;
        using (response) throw Refusal(response, await response.Content.ReadAsStringAsync(ct));
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> JsonAsync<T>(HttpMethod method, string path, object? body, string? idempotencyKey, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = JsonContent.Create(body, body.GetType(), options: GridJson.Options);
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        using var response = await SendAsync(request, ct);
        return GridJson.Parse<T>(await response.Content.ReadAsByteArrayAsync(ct));
    }

    private static GridException Refusal(HttpResponseMessage response, string body)
    {
        try
        {
            var problem = GridJson.Parse<Problem>(body);
            if (problem.Code is { } code)
                return new GridException(code, problem.Detail ?? problem.Title ?? code, problem.Field) { Findings = problem.Findings ?? [] };
        }
        catch (JsonException)
        {
            // Not the grid's own answer: told by its status.
        }
        return new GridException(response.StatusCode == System.Net.HttpStatusCode.Unauthorized ? ErrorCodes.Unauthenticated : ErrorCodes.InvalidRequest,
            $"{response.RequestMessage?.RequestUri} answered {(int)response.StatusCode} {response.ReasonPhrase}.");
    }

    private sealed record Page<T>(IReadOnlyList<T> Data, JsonElement? Next = null);

    /// <summary>RFC 9457, as the grid fills it.</summary>
    private sealed record Problem(string? Code = null, string? Title = null, string? Detail = null, string? Field = null, IReadOnlyList<GridFinding>? Findings = null);
}
