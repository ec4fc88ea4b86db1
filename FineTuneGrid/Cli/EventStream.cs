using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace FineTuneGrid.Cli;

/// <summary>One connection to a server-sent event stream, resumed after a sequence number.</summary>
public sealed class EventStream(GridClient client, string url, long after) : IAsyncDisposable
{
    private HttpResponseMessage? _response;
    private IAsyncEnumerator<SseItem<string>>? _items;

    /// <summary>The server ended the stream itself: the job is over.</summary>
    public bool Ended { get; private set; }

    /// <summary>The next event, or null where the connection is gone or the stream has ended.</summary>
    public async Task<JsonElement?> NextAsync(CancellationToken ct)
    {
        try
        {
            _items ??= await OpenAsync(ct);
            if (await _items.MoveNextAsync()) return JsonDocument.Parse(_items.Current.Data).RootElement;
            Ended = true;
            return null;
        }
        catch (Exception e) when (e is IOException or HttpRequestException || e is CliException { InnerException: HttpRequestException })
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_items is not null) await _items.DisposeAsync();
        _response?.Dispose();
    }

    private async Task<IAsyncEnumerator<SseItem<string>>> OpenAsync(CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (after > 0) request.Headers.Add("Last-Event-ID", after.ToString(CultureInfo.InvariantCulture));
        _response = await client.SendAsync(request, ct);
        await GridClient.EnsureOkAsync(_response, ct);
        return SseParser.Create(await _response.Content.ReadAsStreamAsync(ct)).EnumerateAsync(ct).GetAsyncEnumerator(ct);
    }
}
