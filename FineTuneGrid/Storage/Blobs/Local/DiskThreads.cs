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
            if (_asleep > 0)
            {
                // Counted as awake from here on: the next piece of work needs another thread.
                _asleep--;
                Monitor.Pulse(Gate);
                return;
            }
            if (_threads == Most)
                return;
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
                if (Monitor.Wait(Gate, Patience))
                    continue;
                _asleep--;
                if (Work.Count > 0)
                    continue;
                _threads--;
                return null;
            }
        }
    }
}
