using FineTuneGrid.Contracts.Grains;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FineTuneGrid.Silo;

/// <summary>
/// Keeps the pool active somewhere in the cluster, whose tick wakes the jobs: a light call from every silo, since nobody else may
/// call after the silo that held it was killed.
/// </summary>
internal sealed partial class PoolKeeper(IGrainFactory grains, TimeProvider time, ILogger<PoolKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private bool _quiet;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            try
            {
                await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Start().WaitAsync(Patience, time, stoppingToken);
                _quiet = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                if (!_quiet) LogUnanswered(e);
                _quiet = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The pool does not answer; it is called until it does")]
    private partial void LogUnanswered(Exception exception);
}
