using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Silo;

/// <summary>
/// Lets a cluster that died as a whole come back on other addresses by itself. A silo that joins pings every row that says
/// "active", and probes those whose heartbeat is stale until they are voted dead; but the runtime chooses whom to probe only when
/// the table's version changes, so that rows which turn stale while it waits would hold it up for ever. This watch raises the
/// version then, by writing this silo's own row again as it is. Who is dead stays the runtime's decision, by its own probes: a silo
/// that answers them is never voted out.
/// </summary>
internal sealed partial class JoinWatch(IMembershipTable table, ILocalSiloDetails self, TimeProvider time, ILogger<JoinWatch> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _joined = new();
    private readonly HashSet<SiloAddress> _told = [];

    public void Participate(ISiloLifecycle lifecycle)
    {
        // Between this silo's own row ("joining") and the check that all others answer.
        lifecycle.Subscribe(nameof(JoinWatch), ServiceLifecycleStage.AfterRuntimeGrainServices + 1, Begin, End);
        lifecycle.Subscribe(nameof(JoinWatch), ServiceLifecycleStage.Active, End);
    }

    private Task Begin(CancellationToken cancellation)
    {
        _ = WatchAsync();
        return Task.CompletedTask;
    }

    private Task End(CancellationToken cancellation) => _joined.CancelAsync();

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(Look, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_joined.Token)) await LookAsync();
        }
        catch (OperationCanceledException)
        {
            // This silo has joined, or stops.
        }
    }

    private async Task LookAsync()
    {
        try
        {
            var rows = await table.ReadAll();
            var stale = rows.Members.Select(m => m.Item1)
                .Where(e => e.Status == SiloStatus.Active && !e.SiloAddress.Equals(self.SiloAddress) && !_told.Contains(e.SiloAddress) && MembershipTimes.IsStale(e, time.GetUtcNow()))
                .Select(e => e.SiloAddress).ToList();
            if (stale.Count == 0 || rows.Members.FirstOrDefault(m => m.Item1.SiloAddress.Equals(self.SiloAddress)) is not var (own, etag)) return;
            // Lost against another change of the table, which has raised the version as well; looked at again all the same.
            if (!await table.UpdateRow(own, etag, rows.Version.Next())) return;
            _told.UnionWith(stale);
            LogStale(string.Join(", ", stale.Select(s => s.ToParsableString())));
        }
        catch (Exception e) when (!_joined.IsCancellationRequested)
        {
            LogUnread(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Silos whose heartbeat is overdue hold up the join and are probed: {Silos}")]
    private partial void LogStale(string silos);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The membership could not be read; it is tried again")]
    private partial void LogUnread(Exception exception);
}
