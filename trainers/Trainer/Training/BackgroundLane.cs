namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// One piece of work at a time, on a thread beside the steps. What came of it, a fault too, is taken by the thread that began it:
/// nothing is known of it before, and the next piece begins after.
/// </summary>
internal sealed class BackgroundLane<T>
    where T : class
{
    private static readonly TimeSpan GuardInterval = TimeSpan.FromSeconds(1);

    private Task<T>? _work;

    public bool IsBusy => _work is not null;

    public void Begin(Func<T> work)
    {
        CheckFree();
        _work = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
    }

    /// <summary>What came of work that was done elsewhere, to be taken like any other.</summary>
    public void Put(T done)
    {
        CheckFree();
        _work = Task.FromResult(done);
    }

    /// <summary>What came of the work, once; null where there is none, or it is still under way.</summary>
    /// <exception cref="Exception">The work's own fault.</exception>
    public T? Poll() => _work is { IsCompleted: true } ? Take() : null;

    /// <summary>What came of the work, when it is over; null where there is none.</summary>
    /// <param name="guard">Throws where it need not be waited for any more.</param>
    /// <exception cref="Exception">The work's own fault.</exception>
    public T? Wait(Action guard)
    {
        if (_work is null) return null;
        while (Task.WaitAny([_work], GuardInterval) < 0) guard();
        return Take();
    }

    private void CheckFree()
    {
        if (_work is not null) throw new InvalidOperationException("the work before this one was not taken yet");
    }

    private T Take()
    {
        var work = _work!;
        _work = null;
        return work.GetAwaiter().GetResult();
    }
}
