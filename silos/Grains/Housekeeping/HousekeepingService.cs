using FineTuneGrid.Contracts.Housekeeping;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>
/// Runs housekeeping when it is due. Every silo looks; one of them takes the turn. A run that ends in the middle is made up for
/// by the next.
/// </summary>
internal sealed partial class HousekeepingService(
    IHousekeeper housekeeper, HousekeepingTurn turn, IOptions<GridOptions> options, TimeProvider time, ILogger<HousekeepingService> logger) : BackgroundService
{
    private static readonly TimeSpan LongestLook = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var every = options.Value.Retention.Every;
        using var timer = new PeriodicTimer(every < LongestLook ? every : LongestLook, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await LookAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host ends.
        }
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        try
        {
            if (await turn.TakeAsync(cancellation))
                await housekeeper.RunAsync(dryRun: false, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(e);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Housekeeping failed; it is tried again when it is next due")]
    private partial void LogFailed(Exception e);
}

public static class HousekeepingExtensions
{
    /// <summary>Housekeeping by the clock, and on request through <see cref="IHousekeeper"/>.</summary>
    public static IServiceCollection AddHousekeeping(this IServiceCollection services) =>
        services.AddSingleton<GrainStates>().AddSingleton<HousekeepingTurn>().AddSingleton<IHousekeeper, Housekeeper>().AddHostedService<HousekeepingService>();
}
