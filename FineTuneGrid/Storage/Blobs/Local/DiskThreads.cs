namespace FineTuneGrid.Storage;

/// <summary>
/// Threads that wait for the disk. Flushes block for milliseconds; on the thread pool, which adds threads slowly, they would hold up
/// everything else of the process. Threads are made when all are busy and end when there is nothing to do.
/// </summary>
internal static class DiskThreads
{
    /// <summary>Beside so many flushes a disk does not get faster.</summary>
    private const int Most = 32;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // A plain monitor: collections that block let their threads spin first, all of them at each piece of work.
    private static readonly object Gate = new();
    private static readonly Queue<Action> Work = [];
    private static int _threads;
    private static int _asleep;

    public static Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    public static Task RunAsync(Action work) => RunAsync(() =>
    {
        work();
        return true;
    });

    private static void Post(Action work)
    {
        lock (Gate)
        {
            Work.Enqueue(work);
            // Who sleeps looks for work before it ends, so that one that is just waking counts as well.
            if (Work.Count <= _asleep || _threads == Most)
            {
                Monitor.Pulse(Gate);
                return;
            }
            _threads++;
        }
        new Thread(Serve) { IsBackground = true, Name = "disk" }.Start();
    }

    private static void Serve()
    {
        while (Take() is { } work)
            work();
    }

    /// <summary>Null where there was nothing to do for a while: the thread is no longer counted.</summary>
    private static Action? Take()
    {
        lock (Gate)
        {
            while (true)
            {
                if (Work.TryDequeue(out var work))
                    return work;
                _asleep++;
                var called = Monitor.Wait(Gate, Patience);
                _asleep--;
                if (called || Work.Count > 0)
                    continue;
                _threads--;
                return null;
            }
        }
    }
}
