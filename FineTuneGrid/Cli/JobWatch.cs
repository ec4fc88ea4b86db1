using System.Text.Json;
using FineTuneGrid.Client;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Cli;

/// <summary>Follows a job's event stream until its terminal event, through cut connections.</summary>
public static class JobWatch
{
    private const int Reconnects = 60;

    /// <returns>0 where the job succeeded, else 1; the reason is the last line.</returns>
    public static async Task<int> RunAsync(CommandContext context, string id, CancellationToken ct)
    {
        var url = $"api/v1/jobs/{Uri.EscapeDataString(id)}";
        var job = await context.Client.GetAsync(url, ct);
        var total = (int)(job.Number("progress.total_steps") ?? 0);
        IProgressBar? bar = null;
        try
        {
            await foreach (var e in EventsAsync(context, url, ct))
            {
                if (e.Text("type") == "metrics")
                {
                    if (total == 0) total = (int)((await context.Client.GetAsync(url, ct)).Number("progress.total_steps") ?? 0);
                    bar ??= total > 0 ? context.Output.Begin(id, total) : null;
                    bar?.Report((long)(e.Number("data.step") ?? 0));
                }
                context.Output.Row(e, () => e.Text("message") ?? "");
            }
        }
        finally
        {
            bar?.Dispose();
        }
        job = await context.Client.GetAsync(url, ct);
        var status = job.Text("status");
        if (status == "succeeded") context.Output.Line($"{id} succeeded: {job.Text("adapter")}@{job.Text("adapter_version")}");
        else context.Output.Note($"ftg: {id} {status}{(job.Text("error.message") is { } why ? ": " + why : "")}");
        return status == "succeeded" ? 0 : 1;
    }

    private static async IAsyncEnumerable<JsonElement> EventsAsync(
        CommandContext context, string url, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var last = 0L;
        for (var attempt = 0; attempt < Reconnects; attempt++)
        {
            var batch = new List<JsonElement>();
            await using var stream = new EventStream(context.Client, $"{url}/events/stream", last);
            while (await stream.NextAsync(ct) is { } e)
            {
                attempt = 0;
                last = (long)(e.Number("seq") ?? last);
                yield return e;
            }
            if (stream.Ended && Enum.TryParse<JobStatus>((await context.Client.GetAsync(url, ct)).Text("status"), ignoreCase: true, out var status) && status.IsTerminal()) yield break;
            context.Output.Note($"connection lost at event {last}, reconnecting");
            await Task.Delay(TimeSpan.FromSeconds(1), ct);
        }
        throw new CliException("the event stream could not be resumed; the job goes on");
    }
}
