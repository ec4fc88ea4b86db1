using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;

namespace FineTuneGrid.Gateway.Jobs;

/// <summary>
/// A job's events as server-sent events: <c>id</c> is the sequence number, <c>event</c> the type, <c>data</c> the event. Ends after
/// the terminal event; a comment every few seconds keeps proxies from closing it.
/// </summary>
public sealed class JobEventStream(IJobGrain job, long? after) : IResult
{
    private const int PageSize = 500;
    // A silo that stops waits for calls that run.
    private const double WaitSeconds = 5;

    public Task ExecuteAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        return LiveResponse.RunAsync(context, ct => WriteAsync(context, ct));
    }

    private async Task WriteAsync(HttpContext context, CancellationToken ct)
    {
        var seq = after ?? (long.TryParse(context.Request.Headers["Last-Event-ID"], CultureInfo.InvariantCulture, out var last) ? last : 0);
        await context.Response.WriteAsync("retry: 1000\n\n", ct);
        await context.Response.Body.FlushAsync(ct);
        while (true)
        {
            var page = await job.Events(seq, PageSize, WaitSeconds).WaitAsync(ct);
            if (page.Events.Count == 0 && page.Closed) return;
            await context.Response.WriteAsync(page.Events.Count == 0 ? ": still here\n\n" : Format(page), ct);
            await context.Response.Body.FlushAsync(ct);
            if (page.Events.Count > 0) seq = page.Events[^1].Seq;
        }
    }

    internal static string Format(JobEventPage page)
    {
        var text = new StringBuilder();
        foreach (var e in page.Events)
            text.Append("id: ").Append(e.Seq).Append("\nevent: ").Append(e.Type).Append("\ndata: ").Append(GridJson.ToText(e)).Append("\n\n");
        return text.ToString();
    }
}
