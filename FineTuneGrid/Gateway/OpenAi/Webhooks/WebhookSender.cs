using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Webhooks;

namespace FineTuneGrid.Gateway.OpenAi.Webhooks;

/// <summary>Sends one message to one endpoint: no redirects, no proxy, and to no other address than was checked.</summary>
public sealed class WebhookSender : IDisposable
{
    /// <summary>How long an endpoint may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly WebhookEgress _egress;
    private readonly TimeProvider _time;
    private readonly HttpClient _client;

    public WebhookSender(WebhookEgress egress, TimeProvider time)
    {
        (_egress, _time) = (egress, time);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseProxy = false, UseCookies = false, ConnectCallback = ConnectAsync, MaxResponseHeadersLength = 16, PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        };
        _client = new HttpClient(handler) { Timeout = Patience };
    }

    /// <summary>The message as OpenAI's clients read it.</summary>
    public static byte[] Body(WebhookNotice notice) => GridJson.ToBytes(new
    {
        Object = "event", Id = EventId(notice), Type = WebhookEvents.Of(notice.Status), CreatedAt = notice.At.ToUnixTimeSeconds(), Data = new { Id = "ft" + notice.JobId },
    });

    /// <summary>The same for every attempt: receivers know a repetition by it.</summary>
    public static string EventId(WebhookNotice notice) => $"evt_{notice.JobId}";

    /// <returns>Null where the endpoint has taken it; else why not.</returns>
    public async Task<string?> SendAsync(WebhookEndpoint endpoint, WebhookNotice notice, CancellationToken ct)
    {
        var (body, now) = (Body(notice), _time.GetUtcNow());
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _egress.Check(endpoint.Url)) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new("application/json");
            request.Headers.Add(StandardWebhook.IdHeader, EventId(notice));
            request.Headers.Add(StandardWebhook.TimestampHeader, StandardWebhook.Timestamp(now));
            request.Headers.Add(StandardWebhook.SignatureHeader, StandardWebhook.Sign(endpoint.Secret, EventId(notice), now, body));
            request.Headers.Add("User-Agent", "FineTuneGrid");
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            return response.IsSuccessStatusCode ? null : $"the endpoint answered {(int)response.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or GridException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return e.Message;
        }
    }

    public void Dispose() => _client.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, ct);
        var allowed = _egress.Allowed(host, addresses);
        if (allowed.Length == 0) throw new HttpRequestException($"{host} has no public address");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
