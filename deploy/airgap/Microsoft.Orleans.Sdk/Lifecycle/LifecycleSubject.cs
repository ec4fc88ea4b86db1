using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Orleans;

/// <summary>
/// Starts its observers in ascending order of stage (those of one stage together) and stops, in descending order, the stages
/// that had begun. A stage that fails to start is stopped too, since some of its observers may have started.
/// </summary>
internal class LifecycleSubject(ILogger? logger = null) : IGrainLifecycle
{
    private readonly Lock _lock = new();
    private readonly List<Subscription> _subscriptions = [];
    private int? _highest;

    public int HighestCompletedStage { get; private set; } = int.MinValue;

    public int LowestStoppedStage { get; private set; } = int.MaxValue;

    public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        lock (_lock)
        {
            if (_highest >= stage)
                throw new InvalidOperationException($"{observerName} cannot subscribe to stage {stage}: it has begun.");
            var subscription = new Subscription(this, stage, observerName, observer);
            _subscriptions.Add(subscription);
            return subscription;
        }
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var stage in Stages().OrderBy(group => group.Key))
        {
            if (cancellationToken.IsCancellationRequested)
                throw new OrleansLifecycleCanceledException("Starting was cancelled.");
            lock (_lock)
                _highest = stage.Key;
            await Task.WhenAll(stage.Select(subscription => StartOneAsync(subscription, cancellationToken)));
            HighestCompletedStage = stage.Key;
        }
    }

    /// <summary>Stops what had begun to start. A failing observer is logged and does not keep the others from stopping.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        int? highest;
        lock (_lock)
        {
            highest = _highest;
            _highest = int.MaxValue;
        }

        foreach (var stage in Stages().Where(group => group.Key <= highest).OrderByDescending(group => group.Key))
        {
            LowestStoppedStage = stage.Key;
            await Task.WhenAll(stage.Select(subscription => StopOneAsync(subscription, cancellationToken)));
        }
    }

    private static async Task StartOneAsync(Subscription subscription, CancellationToken cancellationToken) =>
        await subscription.Observer.OnStart(cancellationToken);

    private async Task StopOneAsync(Subscription subscription, CancellationToken cancellationToken)
    {
        try
        {
            await subscription.Observer.OnStop(cancellationToken);
        }
        catch (Exception exception)
        {
            if (logger is not null)
                RuntimeLog.LifecycleStopFailed(logger, exception, subscription.Name, subscription.Stage);
        }
    }

    private IGrouping<int, Subscription>[] Stages()
    {
        lock (_lock)
            return [.. _subscriptions.GroupBy(subscription => subscription.Stage)];
    }

    private sealed class Subscription(LifecycleSubject owner, int stage, string name, ILifecycleObserver observer) : IDisposable
    {
        public int Stage => stage;

        public string Name => name;

        public ILifecycleObserver Observer => observer;

        public void Dispose()
        {
            lock (owner._lock)
                owner._subscriptions.Remove(this);
        }
    }
}
