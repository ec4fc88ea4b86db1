namespace FineTuneGrid.EndToEnd;

/// <summary>Waits with a limit, and says what was awaited.</summary>
internal static class Eventually
{
    /// <summary>Generous: the machine may be busy with other tests. Nothing waits this long when all is well.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    public static async Task<T> Within<T>(Task<T> task, string awaited, Func<string>? evidence = null)
    {
        try
        {
            return await task.WaitAsync(Limit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"waited {Limit.TotalSeconds} s for {awaited}. {evidence?.Invoke()}", e);
        }
    }

    /// <summary>For what sends no event, such as the process table.</summary>
    public static Task<T> Seen<T>(Func<T?> look, string awaited, Func<string>? evidence = null)
        where T : class => Answered(() => Task.FromResult(look()), awaited, evidence);

    /// <summary>For what must be asked for, such as a list of the REST interface.</summary>
    public static async Task<T> Answered<T>(Func<Task<T?>> look, string awaited, Func<string>? evidence = null)
        where T : class
    {
        using var limit = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(Look);
        try
        {
            while (true)
            {
                if (await look() is { } seen) return seen;
                await timer.WaitForNextTickAsync(limit.Token);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"waited {Limit.TotalSeconds} s for {awaited}. {evidence?.Invoke()}", e);
        }
    }
}
