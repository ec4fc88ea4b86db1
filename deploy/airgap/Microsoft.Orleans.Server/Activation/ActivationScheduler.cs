using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>
/// Runs the work of one activation one piece at a time on the thread pool: its requests, timer ticks, and the continuations of
/// everything that they await.
/// </summary>
internal sealed class ActivationScheduler(IGrainContext context, ILogger logger) : TaskScheduler, IWorkItemScheduler, IThreadPoolWorkItem
{
    // After this long a busy activation goes back to the end of the thread pool's queue.
    private const long SliceMilliseconds = 25;

    private readonly Lock _lock = new();
    private readonly Queue<Task> _work = new();
    private bool _scheduled;

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Runs an action as a turn of its own, outside the execution context of who queued it.</summary>
    public void QueueAction(Action action)
    {
        // A task, not a bare delegate: awaits inside it come back here only where this is the current scheduler.
        Task task;
        using (FlowSuppressor.Suppress())
            task = new Task(() => Run(action), CancellationToken.None, TaskCreationOptions.DenyChildAttach);
        task.Start(this);
    }

    void IWorkItemScheduler.QueueTask(Task task) => task.Start(this);

    void IThreadPoolWorkItem.Execute()
    {
        var previous = RuntimeContext.Exchange(context);
        var end = Environment.TickCount64 + SliceMilliseconds;
        try
        {
            while (TryDequeue(out var task))
            {
                TryExecuteTask(task);
                if (Environment.TickCount64 >= end)
                    break;
            }
        }
        finally
        {
            RuntimeContext.Exchange(previous);
        }

        lock (_lock)
        {
            _scheduled = _work.Count > 0;
            if (!_scheduled)
                return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    protected override void QueueTask(Task task)
    {
        lock (_lock)
        {
            _work.Enqueue(task);
            if (_scheduled)
                return;
            _scheduled = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
    }

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_lock)
            return [.. _work];
    }

    // Inline only what starts inside a turn of this activation.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        !taskWasPreviouslyQueued && ReferenceEquals(RuntimeContext.Current, context) && TryExecuteTask(task);

    private bool TryDequeue(out Task task)
    {
        lock (_lock)
            return _work.TryDequeue(out task!);
    }

    private void Run(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            SiloLog.TurnFailed(logger, exception, context.GrainId);
        }
    }
}
