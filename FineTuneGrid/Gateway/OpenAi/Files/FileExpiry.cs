namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>Removes files whose time is over, once an hour. Any number of gateways may do so at once.</summary>
public sealed partial class FileExpiry(FileStore files, TimeProvider time, ILogger<FileExpiry> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                if (await files.SweepAsync(stoppingToken) is > 0 and var removed) LogRemoved(removed);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(e);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Files} files were removed: their time was over, or their data sets were deleted")]
    private partial void LogRemoved(int files);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Files whose time is over could not be removed; the next round tries again")]
    private partial void LogFailed(Exception e);
}
