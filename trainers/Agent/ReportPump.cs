using System.Threading.Channels;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent;

/// <summary>
/// Carries reports to the node's grain: in order, in batches, again and again until the grain has them. Only then is the
/// sender told, which may forget its copy.
/// </summary>
internal sealed partial class ReportPump(ControlPlane control, TimeProvider time, ILogger logger)
{
    private const int LargestBatch = 64;

    private sealed record Entry(NodeReport Report, Func<Task>? OnDelivered);

    private readonly Channel<Entry> _queue = Channel.CreateUnbounded<Entry>(new UnboundedChannelOptions { SingleReader = true });

    /// <param name="onDelivered">Repeated until it succeeds; reports behind it wait.</param>
    public void Post(NodeReport report, Func<Task>? onDelivered = null) => _queue.Writer.TryWrite(new Entry(report, onDelivered));

    /// <summary>No further reports: <see cref="RunAsync"/> ends when the queue is empty.</summary>
    public void Complete() => _queue.Writer.TryComplete();

    public async Task RunAsync(CancellationToken cancellation)
    {
        var batch = new List<Entry>();
        while (await _queue.Reader.WaitToReadAsync(cancellation))
        {
            batch.Clear();
            while (batch.Count < LargestBatch && _queue.Reader.TryRead(out var entry)) batch.Add(entry);
            await DeliverAsync([.. batch.Select(e => e.Report)], cancellation);
            foreach (var entry in batch)
                if (entry.OnDelivered is { } delivered) await TellAsync(delivered, cancellation);
        }
    }

    /// <summary>What a sender does then reaches for disk and store, which may be full or away for a while: no reason to carry no more reports.</summary>
    private async Task TellAsync(Func<Task> delivered, CancellationToken cancellation)
    {
        var backoff = new Backoff(time);
        while (true)
        {
            try
            {
                await delivered();
                return;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                LogNotNoted(e);
                await backoff.WaitAsync(cancellation);
            }
        }
    }

    private async Task DeliverAsync(NodeReport[] reports, CancellationToken cancellation)
    {
        var backoff = new Backoff(time);
        while (true)
        {
            try
            {
                await control.CallAsync((node, incarnation) => node.Report(incarnation, reports), cancellation);
                return;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                LogUndelivered(e, reports.Length);
                await backoff.WaitAsync(cancellation);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} reports did not reach the control plane; they are sent again")]
    private partial void LogUndelivered(Exception exception, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "That a report was delivered could not be noted; it is tried again")]
    private partial void LogNotNoted(Exception exception);
}
