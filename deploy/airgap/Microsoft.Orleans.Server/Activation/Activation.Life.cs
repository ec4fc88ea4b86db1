using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>How an activation begins and ends.</summary>
internal sealed partial class Activation
{
    private DeactivationReason _reason;
    private bool _activationDone;
    private bool _wasValid;
    private bool _ending;
    private long _idleSince;
    private DateTimeOffset _keepAliveUntil;

    public void Start() => _scheduler.QueueAction(() => _ = ActivateAsync());

    /// <summary>Drops an activation that was never started because another was faster.</summary>
    public void Discard() => _scope.Dispose();

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (_state is ActivationState.Deactivating or ActivationState.Invalid)
                return;
            _reason = deactivationReason;
            _state = ActivationState.Deactivating;
            _activating.Cancel();
            QueueDeactivationWhenQuiet();
        }
    }

    /// <summary>Spares the activation from idle collection for a time; zero ends that, infinite never ends.</summary>
    public void DelayDeactivation(TimeSpan time)
    {
        lock (_lock)
        {
            _keepAliveUntil = time == Timeout.InfiniteTimeSpan || time == TimeSpan.MaxValue
                ? DateTimeOffset.MaxValue
                : _silo.Time.GetUtcNow() + time;
        }
    }

    /// <summary>Ends the activation if it has had nothing to do for as long as given.</summary>
    public void DeactivateIfIdle(TimeSpan age)
    {
        lock (_lock)
        {
            if (_state != ActivationState.Valid
                || age == Timeout.InfiniteTimeSpan
                || _requests.RunningCount + _requests.WaitingCount > 0
                || _keepAliveUntil > _silo.Time.GetUtcNow()
                || _silo.Time.GetElapsedTime(_idleSince) < age)
                return;
            Deactivate(new DeactivationReason(
                DeactivationReasonCode.ActivationIdle, $"Activation exceeded idle timeout of {age}."));
        }
    }

    private async Task ActivateAsync()
    {
        try
        {
            GrainInstance = CreateInstance();
            _activating.CancelAfter(_silo.Collection.ActivationTimeout);
            await _lifecycle.StartAsync(_activating.Token);
            if (GrainInstance is IGrainBase grain)
                await grain.OnActivateAsync(_activating.Token).WaitAsync(_activating.Token);
            lock (_lock)
            {
                _activationDone = true;
                _wasValid = true;
                if (_state == ActivationState.Activating)
                {
                    _state = ActivationState.Valid;
                    _idleSince = _silo.Time.GetTimestamp();
                    QueuePump();
                }
                else
                {
                    QueueDeactivationWhenQuiet();
                }
            }
        }
        catch (Exception exception)
        {
            FailActivation(exception);
        }
    }

    private object CreateInstance()
    {
        try
        {
            return _class.CreateInstance(this, _silo.States);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException(
                $"Failed to create an instance of grain type '{_class.Name}'. See InnerException for details.", exception);
        }
    }

    private void FailActivation(Exception exception)
    {
        SiloLog.ActivationFailed(_silo.Logger, exception, GrainId);
        Message[] waiting;
        lock (_lock)
        {
            _activationDone = true;
            var wasAsked = _state == ActivationState.Deactivating;
            _state = ActivationState.Deactivating;
            if (!wasAsked)
                _reason = new DeactivationReason(DeactivationReasonCode.ActivationFailed, exception, "Failed to activate grain.");
            waiting = wasAsked ? [] : _requests.TakeWaiting();
            QueueDeactivationWhenQuiet();
        }

        foreach (var message in waiting)
            message.Sink?.Receive(message, Response.FromException(exception));
    }

    // Under the lock: the end begins when the start is over and no request runs.
    private void QueueDeactivationWhenQuiet()
    {
        if (_state != ActivationState.Deactivating || !_activationDone || _ending || _requests.RunningCount > 0)
            return;
        _ending = true;
        _scheduler.QueueAction(() => _ = EndAsync());
    }

    private async Task EndAsync()
    {
        using var timeout = new CancellationTokenSource(_silo.Collection.DeactivationTimeout);
        DisposeTimers();
        try
        {
            if (_wasValid && GrainInstance is IGrainBase grain)
                await grain.OnDeactivateAsync(_reason, timeout.Token).WaitAsync(timeout.Token);
        }
        catch (Exception exception)
        {
            SiloLog.DeactivationFailed(_silo.Logger, exception, GrainId);
        }

        await _lifecycle.StopAsync(timeout.Token);
        Message[] waiting;
        _silo.Catalog.Remove(this);
        lock (_lock)
        {
            _state = ActivationState.Invalid;
            waiting = _requests.TakeWaiting();
        }

        await DisposeInstanceAsync();
        _deactivated.TrySetResult();
        foreach (var message in waiting.Where(message => !message.IsLocalOnly))
            _silo.Send(message);
    }

    private void DisposeTimers()
    {
        IDisposable[] timers;
        lock (_lock)
        {
            timers = [.. _timers];
            _timers.Clear();
        }

        foreach (var timer in timers)
            timer.Dispose();
    }

    private async Task DisposeInstanceAsync()
    {
        try
        {
            if (GrainInstance is IAsyncDisposable asyncDisposable)
                await asyncDisposable.DisposeAsync();
            else
                (GrainInstance as IDisposable)?.Dispose();
            await _scope.DisposeAsync();
        }
        catch (Exception exception)
        {
            SiloLog.DeactivationFailed(_silo.Logger, exception, GrainId);
        }
    }
}
