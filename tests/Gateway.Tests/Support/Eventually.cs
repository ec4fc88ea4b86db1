namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>Waits for what REST shows later, with a limit, and says what was awaited.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    public static async Task HoldsAsync(Func<Task<bool>> holds, string awaited)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(Look);
        try
        {
            while (!await holds()) await timer.WaitForNextTickAsync(limit.Token);
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"waited {Limit.TotalSeconds} s: {awaited}", e);
        }
    }
}
