namespace FineTuneGrid.Grains;

/// <summary>Wakes everyone who waits for the next change. Used on one grain's scheduler only.</summary>
internal sealed class Signal
{
    private TaskCompletionSource _next = New();

    public void Pulse()
    {
        var pulsed = _next;
        _next = New();
        pulsed.SetResult();
    }

    /// <summary>Completes with the next pulse or after <paramref name="wait"/>.</summary>
    public async Task WaitAsync(TimeSpan wait, TimeProvider time)
    {
        var next = _next.Task;
        if (wait <= TimeSpan.Zero)
            return;
        using var delayed = new CancellationTokenSource();
        await Task.WhenAny(next, Task.Delay(wait, time, delayed.Token));
        await delayed.CancelAsync();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
