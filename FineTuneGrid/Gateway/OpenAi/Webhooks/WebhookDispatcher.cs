using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Webhooks;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.OpenAi.Webhooks;

/// <summary>
/// Tells endpoints of jobs' ends, until each has taken it or was tried for long enough. What was tried and when is in the store, so
/// that a restart goes on with it; of several gateways one makes an attempt. A receiver may get a message twice, under the same id.
/// </summary>
public sealed partial class WebhookDispatcher(IBlobStore store, WebhookStore endpoints, WebhookSender sender, GatewayOptions options, TimeProvider time, ILogger<WebhookDispatcher> logger)
    : BackgroundService
{
    private const int AtOnce = 8;

    /// <summary>An attempt of which nothing is heard for so long is lost, with the gateway that made it.</summary>
    private static readonly TimeSpan Lost = WebhookSender.Patience * 4;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.WebhookPoll, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RoundAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogRoundFailed(WebhookKeys.Notices, e);
            }
        }
    }

    /// <summary>Makes every attempt that is due.</summary>
    public async Task RoundAsync(CancellationToken ct)
    {
        var notices = new List<string>();
        await foreach (var blob in store.ListAsync(WebhookKeys.Notices, ct)) notices.Add(blob.Key);
        await Parallel.ForEachAsync(notices, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (key, token) => await TellAsync(key, token));
    }

    private async Task TellAsync(string key, CancellationToken ct)
    {
        try
        {
            if (await store.ReadJsonAsync<WebhookNotice>(key, GridJson.Options, ct) is not var (read, notice)) return;
            var wanted = (await endpoints.ListAsync(notice.Organisation, ct)).Where(e => e.Events.Contains(WebhookEvents.Of(notice.Status)) && e.CreatedAt <= notice.At).ToList();
            foreach (var endpoint in wanted)
            {
                var delivery = notice.Deliveries.GetValueOrDefault(endpoint.Id) ?? new WebhookDelivery(0, notice.At);
                if (delivery.Over || delivery.NextAt > time.GetUtcNow()) continue;
                (read, notice) = await NoteAsync(read, notice, endpoint.Id, delivery with { NextAt = time.GetUtcNow() + Lost }, ct);
                var failure = await sender.SendAsync(endpoint, notice, ct);
                (read, notice) = await NoteAsync(read, notice, endpoint.Id, After(endpoint, notice, delivery, failure), ct);
            }
            if (wanted.TrueForAll(e => notice.Deliveries.GetValueOrDefault(e.Id)?.Over == true)) await store.DeleteAsync(key, read.ETag, ct);
        }
        catch (BlobConflictException)
        {
            // Another gateway is at work on it.
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogRoundFailed(key, e);
        }
    }

    private WebhookDelivery After(WebhookEndpoint endpoint, WebhookNotice notice, WebhookDelivery before, string? failure)
    {
        if (failure is null) return before with { Over = true };
        var failures = before.Attempts + 1;
        var wait = StandardWebhook.WaitAfter(failures);
        LogFailed(endpoint.Id, notice.JobId, failures, failure, wait is { } w ? $"again in {w}" : "given up");
        return new WebhookDelivery(failures, time.GetUtcNow() + (wait ?? TimeSpan.Zero), Over: wait is null);
    }

    private async Task<(BlobInfo Read, WebhookNotice Notice)> NoteAsync(BlobInfo read, WebhookNotice notice, string endpoint, WebhookDelivery delivery, CancellationToken ct)
    {
        var next = notice with { Deliveries = new Dictionary<string, WebhookDelivery>(notice.Deliveries) { [endpoint] = delivery } };
        return (await store.WriteJsonAsync(read.Key, next, WriteCondition.Replacing(read), GridJson.Options, ct), next);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhook {Endpoint} was not told of {Job}, attempt {Attempt}: {Failure}; {Then}")]
    private partial void LogFailed(string endpoint, string job, int attempt, string failure, string then);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhooks of {What} were held up; the next round goes on with them")]
    private partial void LogRoundFailed(string what, Exception e);
}
