using System.Threading.Channels;
using FineTuneGrid.Contracts.Training;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent.Residents;

/// <summary>
/// Carries what tasks tell while they run to the node's grain: in order, all that has come meanwhile in one call, and never twice. Pieces
/// that find no room, or whose call fails, are left out, since the reply has the whole.
/// </summary>
internal sealed partial class PiecePump(ControlPlane control, ILogger logger)
{
    private const int MostWaiting = 4096;
    private const int LargestBatch = 256;
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(5);

    private readonly Channel<TaskPieces> _queue =
        Channel.CreateBounded<TaskPieces>(new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    public void Post(IReadOnlyList<TaskPieces> said)
    {
        foreach (var pieces in said) _queue.Writer.TryWrite(pieces);
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var batch = new List<TaskPieces>();
        while (await _queue.Reader.WaitToReadAsync(cancellation))
        {
            batch.Clear();
            while (batch.Count < LargestBatch && _queue.Reader.TryRead(out var pieces)) batch.Add(pieces);
            try
            {
                TaskPieces[] said = [.. batch];
                await control.CallAsync(async (node, incarnation) => { await node.Say(incarnation, said); return true; }, cancellation, CallLimit);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                LogUnsaid(e, batch.Count);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Count} pieces of text did not reach the control plane; the replies hold them")]
    private partial void LogUnsaid(Exception exception, int count);
}
