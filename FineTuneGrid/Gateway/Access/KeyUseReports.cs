using FineTuneGrid.Contracts.Grains;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Tells the directory of keys once a minute which were used on this gateway.</summary>
internal sealed partial class KeyUseReports(IGrainFactory grains, KeyCache cache, TimeProvider time, ILogger<KeyUseReports> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await ReportAsync();
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host ends.
        }
    }

    private async Task ReportAsync()
    {
        if (cache.TakeUses() is not { Count: > 0 } uses) return;
        try
        {
            await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).NoteUses(uses);
        }
        catch (Exception e) when (e is TimeoutException or OrleansException or Contracts.GridException)
        {
            LogLost(uses.Count, e);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The last use of {Count} keys could not be noted")]
    private partial void LogLost(int count, Exception e);
}
