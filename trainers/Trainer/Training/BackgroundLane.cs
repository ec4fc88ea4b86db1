using System.Collections.Concurrent;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// One piece of work at a time, on a thread beside the steps. What came of it, a fault too, is taken by the thread that began it:
/// nothing is known of it before, and the next piece begins after. The thread lasts: starting one would wait until it has a core.
/// </summary>
internal sealed class BackgroundLane<T>(string name) : IDisposable
    where T : class
{
    private static readonly TimeSpan GuardInterval = TimeSpan.FromSeconds(1);

    private readonly BlockingCollection<Task<T>> _begun = [];
    private Thread? _thread;
    private Task<T>? _work;

    public bool IsBusy => _work is not null;

    public void Begin(Func<T> work)
    {
        CheckFree();
        if (_thread is null)
        {
            _thread = new Thread(Run) { Name = name, IsBackground = true };
            _thread.Start();
        }
        _work = new Task<T>(work);
        _begun.Add(_work);
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

    /// <summary>Does not wait for work that is under way: its thread ends with it, or with the process.</summary>
    public void Dispose() => _begun.CompleteAdding();

    private void Run()
    {
        foreach (var work in _begun.GetConsumingEnumerable()) work.RunSynchronously(TaskScheduler.Default);
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
