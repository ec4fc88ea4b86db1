using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace FineTuneGrid.Chaos;

/// <summary>A patient user: asks again, at the next gateway, until there is an answer, with the same Idempotency-Key.</summary>
internal sealed class ChaosClient(IReadOnlyList<HttpClient> gateways)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    public Task<JsonElement> GetAsync(string path) => CallAsync(HttpMethod.Get, path, null, null);

    public Task<JsonElement> PostAsync(string path, string? json, string? key = null) => CallAsync(HttpMethod.Post, path, json is null ? null : Encoding.UTF8.GetBytes(json), key);

    public Task<JsonElement> PutAsync(string path, byte[] bytes) => CallAsync(HttpMethod.Put, path, bytes, null);

    /// <summary>A figure that is not there is -1.</summary>
    public async Task<Func<string, int>> FiguresAsync()
    {
        var text = await TextAsync(HttpMethod.Get, "/metrics", null, null);
        var figures = text.Split('\n').Where(l => l.Length > 0 && l[0] != '#').ToDictionary(l => l[..l.LastIndexOf(' ')], l => l[(l.LastIndexOf(' ') + 1)..]);
        return name => figures.TryGetValue(name, out var figure) ? int.Parse(figure, CultureInfo.InvariantCulture) : -1;
    }

    /// <summary>Everything of a paged list.</summary>
    public async Task<List<JsonElement>> ListAsync(string path)
    {
        var (all, after) = (new List<JsonElement>(), "");
        while (true)
        {
            var page = await GetAsync($"{path}?limit=1000{after}");
            all.AddRange(page.GetProperty("data").EnumerateArray());
            if (page.GetProperty("next").ValueKind == JsonValueKind.Null) return all;
            after = $"&after={Uri.EscapeDataString(page.GetProperty("next").ToString())}";
        }
    }

    private async Task<JsonElement> CallAsync(HttpMethod method, string path, byte[]? body, string? key) =>
        JsonDocument.Parse(await TextAsync(method, path, body, key) is { Length: > 0 } text ? text : "{}").RootElement;

    private async Task<string> TextAsync(HttpMethod method, string path, byte[]? body, string? key)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var timer = new PeriodicTimer(Retry);
        var last = "nothing";
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var request = new HttpRequestMessage(method, path);
                if (body is not null) request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };
                if (key is not null) request.Headers.Add("Idempotency-Key", key);
                using var answer = await gateways[attempt % gateways.Count].SendAsync(request, limit.Token);
                last = $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(limit.Token)}";
                if (answer.IsSuccessStatusCode) return last[4..];
                if (answer.StatusCode < HttpStatusCode.InternalServerError && answer.StatusCode is not (HttpStatusCode.Conflict or HttpStatusCode.TooManyRequests))
                    throw new InvalidOperationException($"{method} {path}: {last}");
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !limit.IsCancellationRequested)
            {
                last = e.Message;
            }
            try
            {
                await timer.WaitForNextTickAsync(limit.Token);
            }
            catch (OperationCanceledException e)
            {
                throw new TimeoutException($"{method} {path} was not answered within {Patience.TotalMinutes} min; last: {last}", e);
            }
        }
    }
}
