using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Silo;

/// <summary>
/// Ends a silo whose row the membership has lost, as happens where Redis came back empty. Such silos would live on side by side with
/// new ones that cannot see them; started again by their supervisor they all meet in the new table.
/// </summary>
internal sealed partial class RowWatch(
    IMembershipTable table, ILocalSiloDetails self, TimeProvider time, ILogger<RowWatch> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>So many looks in a row without it, so that no half-loaded table counts.</summary>
    private const int Looks = 3;

    private readonly CancellationTokenSource _stopping = new();

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(RowWatch), ServiceLifecycleStage.Active, Begin, End);

    private Task Begin(CancellationToken cancellation)
    {
        _ = WatchAsync();
        return Task.CompletedTask;
    }

    private Task End(CancellationToken cancellation) => _stopping.CancelAsync();

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(MembershipTimes.Heartbeat, time);
        var missing = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token))
            {
                missing = await IsMissingAsync() switch { true => missing + 1, false => 0, null => missing };
                if (missing < Looks) continue;
                // At once, as the runtime ends a silo that was voted out: there is no row that a peaceful end could be written to.
                await Console.Error.WriteLineAsync($"error: The membership has no row of silo {self.SiloAddress.ToParsableString()} any more; it ends, to join anew when it is started again.");
                Environment.Exit(1);
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops anyway.
        }
    }

    /// <summary>Null where the table cannot be read, which says nothing.</summary>
    private async Task<bool?> IsMissingAsync()
    {
        try
        {
            return !(await table.ReadAll()).Members.Any(m => m.Item1.SiloAddress.Equals(self.SiloAddress));
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            LogUnread(e);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The membership could not be read; it is tried again")]
    private partial void LogUnread(Exception exception);
}
