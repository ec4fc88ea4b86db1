using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>The life of a silo, in the stages of <see cref="ServiceLifecycleStage"/>.</summary>
public interface ISiloLifecycle : ILifecycleObservable
{
    int HighestCompletedStage { get; }

    int LowestStoppedStage { get; }
}

/// <summary>Runs once when the silo has started.</summary>
public interface IStartupTask
{
    Task Execute(CancellationToken cancellationToken);
}

internal sealed class SiloLifecycle(ILogger<SiloLifecycle> logger) : LifecycleSubject(logger), ISiloLifecycle;
