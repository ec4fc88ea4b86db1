using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>One activation as the runtime sees it.</summary>
public interface IGrainContext : ITargetHolder, IEquatable<IGrainContext>
{
    GrainReference GrainReference { get; }

    GrainId GrainId { get; }

    object? GrainInstance { get; }

    ActivationId ActivationId { get; }

    GrainAddress Address { get; }

    IServiceProvider ActivationServices { get; }

    IGrainLifecycle ObservableLifecycle { get; }

    IWorkItemScheduler Scheduler { get; }

    /// <summary>Completes when the activation has ended.</summary>
    Task Deactivated { get; }

    void SetComponent<TComponent>(TComponent? value)
        where TComponent : class;

    /// <summary>Starts to end this activation: running requests finish, waiting ones go to a fresh activation.</summary>
    void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default);
}

/// <summary>Gives the context of the code that runs now.</summary>
public interface IGrainContextAccessor
{
    IGrainContext GrainContext { get; }
}

/// <summary>Queues work to run as turns of one activation.</summary>
public interface IWorkItemScheduler
{
    void QueueAction(Action action);

    void QueueTask(Task task);
}

/// <summary>The activation whose turn runs on this thread.</summary>
internal static class RuntimeContext
{
    [ThreadStatic]
    private static IGrainContext? t_current;

    public static IGrainContext? Current => t_current;

    /// <summary>Makes a context current on this thread and returns the one that was.</summary>
    public static IGrainContext? Exchange(IGrainContext? context)
    {
        var previous = t_current;
        t_current = context;
        return previous;
    }
}
