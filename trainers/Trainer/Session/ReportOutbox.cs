using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Trainer.Session;

/// <summary>Reports, numbered without holes and kept until the control plane has them.</summary>
internal sealed class ReportOutbox(long firstSeq)
{
    private readonly Lock _gate = new();
    private readonly Queue<TrainerReport> _kept = new();
    private long _next = firstSeq;
    private TaskCompletionSource _changed = New();

    public bool IsEmpty
    {
        get
        {
            lock (_gate) return _kept.Count == 0;
        }
    }

    public void Post(TrainerReport report)
    {
        lock (_gate)
        {
            _kept.Enqueue(report with { Seq = _next++ });
            Signal();
        }
    }

    public void Acknowledge(long seq)
    {
        lock (_gate)
        {
            while (_kept.TryPeek(out var oldest) && oldest.Seq <= seq) _kept.Dequeue();
            Signal();
        }
    }

    /// <summary>What is not acknowledged yet, oldest first.</summary>
    public IReadOnlyList<TrainerReport> Kept()
    {
        lock (_gate) return [.. _kept];
    }

    /// <summary>Kept reports above a number, and a task that ends at the next change.</summary>
    public (IReadOnlyList<TrainerReport> Reports, Task Changed) After(long seq)
    {
        lock (_gate) return ([.. _kept.Where(r => r.Seq > seq)], _changed.Task);
    }

    /// <summary>Waits until everything was acknowledged, at most for the limit.</summary>
    public async Task DrainAsync(TimeSpan limit, TimeProvider time)
    {
        using var over = new CancellationTokenSource(limit, time);
        while (!over.IsCancellationRequested)
        {
            Task changed;
            lock (_gate)
            {
                if (_kept.Count == 0) return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(over.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private void Signal()
    {
        _changed.SetResult();
        _changed = New();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
