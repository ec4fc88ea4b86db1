namespace FineTuneGrid.Storage;

/// <summary>
/// Flushes directories for many writers at once: those that come while a directory is being flushed share the next flush. Each is
/// answered by one that began after it had made its entry.
/// </summary>
internal sealed class DirectoryFlushes(Action<string> flush)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Waiting> _running = [];

    /// <summary>Durable is what was done to the directory before the call.</summary>
    public Task FlushAsync(string directory)
    {
        lock (_gate)
        {
            if (_running.TryGetValue(directory, out var running))
                return (running.Next ??= New()).Task;
            running = new Waiting();
            _running[directory] = running;
            var first = New();
            _ = DiskThreads.RunAsync(() => Serve(directory, running, first));
            return first.Task;
        }
    }

    private void Serve(string directory, Waiting running, TaskCompletionSource turn)
    {
        for (TaskCompletionSource? current = turn; current is not null; current = After(directory, running))
        {
            try
            {
                flush(directory);
                current.SetResult();
            }
            catch (Exception e)
            {
                current.SetException(e);
            }
        }
    }

    private TaskCompletionSource? After(string directory, Waiting running)
    {
        lock (_gate)
        {
            var next = running.Next;
            running.Next = null;
            if (next is null)
                _running.Remove(directory);
            return next;
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Those who wait for the flush after the present one.</summary>
    private sealed class Waiting
    {
        public TaskCompletionSource? Next { get; set; }
    }
}
