using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>
/// One activation of a grain: its instance, its requests and its life. Everything of the grain runs on its scheduler; what other
/// threads may touch is under the lock.
/// </summary>
internal sealed partial class Activation : IGrainContext, ICallChainReentrant
{
    private readonly Lock _lock = new();
    private readonly SiloRuntime _silo;
    private readonly GrainClass _class;
    private readonly ActivationScheduler _scheduler;
    private readonly RequestQueue _requests;
    private readonly LifecycleSubject _lifecycle;
    private readonly AsyncServiceScope _scope;
    private readonly Dictionary<Type, object> _components = [];
    private readonly HashSet<IDisposable> _timers = [];
    private readonly CancellationTokenSource _activating = new();
    private readonly TaskCompletionSource _deactivated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ActivationState _state = ActivationState.Activating;
    private bool _pumpQueued;

    public Activation(GrainId id, GrainClass grainClass, SiloRuntime silo)
    {
        _silo = silo;
        _class = grainClass;
        _requests = new RequestQueue(grainClass.IsReentrant);
        _scheduler = new ActivationScheduler(this, silo.Logger);
        _lifecycle = new LifecycleSubject(silo.Logger);
        _scope = silo.Services.CreateAsyncScope();
        Address = new GrainAddress { GrainId = id, ActivationId = ActivationId.NewId(), SiloAddress = silo.Address };
        _scope.ServiceProvider.GetRequiredService<GrainContextHolder>().Context = this;
        _idleSince = silo.Time.GetTimestamp();
    }

    private enum ActivationState
    {
        Activating,
        Valid,
        Deactivating,
        Invalid,
    }

    public GrainId GrainId => Address.GrainId;

    public ActivationId ActivationId => Address.ActivationId;

    public GrainAddress Address { get; }

    public GrainClass Class => _class;

    public object? GrainInstance { get; private set; }

    public GrainReference GrainReference => field ??= GrainReference.Create(
        _class.Interfaces.FirstOrDefault() ?? typeof(IAddressable), GrainId, _silo);

    public IServiceProvider ActivationServices => _scope.ServiceProvider;

    public IGrainLifecycle ObservableLifecycle => _lifecycle;

    public IWorkItemScheduler Scheduler => _scheduler;

    public Task Deactivated => _deactivated.Task;

    public object? GetTarget() => GrainInstance;

    public object? GetComponent(Type componentType)
    {
        lock (_lock)
        {
            if (_components.TryGetValue(componentType, out var component))
                return component;
        }

        return componentType.IsInstanceOfType(GrainInstance) ? GrainInstance
            : componentType.IsInstanceOfType(this) ? this
            : null;
    }

    public void SetComponent<TComponent>(TComponent? value)
        where TComponent : class
    {
        lock (_lock)
        {
            if (value is null)
                _components.Remove(typeof(TComponent));
            else
                _components[typeof(TComponent)] = value;
        }
    }

    public bool Equals(IGrainContext? other) => ReferenceEquals(this, other);

    public void Receive(Message message)
    {
        lock (_lock)
        {
            if (_state != ActivationState.Invalid)
            {
                _requests.Add(message);
                QueuePump();
                return;
            }
        }

        if (!message.IsLocalOnly)
            _silo.Send(message);
    }

    /// <summary>The caller has given up: a waiting request is answered as cancelled, a running one has its token cancelled.</summary>
    public void Cancel(Message message)
    {
        bool wasWaiting;
        lock (_lock)
            wasWaiting = _requests.RemoveWaiting(message);
        if (wasWaiting)
            message.Sink?.Receive(message, Response.FromException(new OperationCanceledException()));
        else
            _scheduler.QueueAction(() => message.Request.TryCancel());
    }

    void ICallChainReentrant.EnterSection(Guid id)
    {
        lock (_lock)
            _requests.EnterSection(id);
    }

    void ICallChainReentrant.LeaveSection(Guid id)
    {
        lock (_lock)
        {
            _requests.LeaveSection(id);
            QueuePump();
        }
    }

    public void Add(IDisposable timer)
    {
        bool late;
        lock (_lock)
        {
            late = _state is ActivationState.Deactivating or ActivationState.Invalid;
            if (!late)
                _timers.Add(timer);
        }

        if (late)
            timer.Dispose();
    }

    public void Remove(IDisposable timer)
    {
        lock (_lock)
            _timers.Remove(timer);
    }

    public override string ToString() => $"[Activation: {Address.SiloAddress}/{GrainId}{ActivationId} #GrainType={_class.Name} State={_state}]";

    private void QueuePump()
    {
        if (_pumpQueued)
            return;
        _pumpQueued = true;
        _scheduler.QueueAction(Pump);
    }

    /// <summary>Starts every request that may run now.</summary>
    private void Pump()
    {
        lock (_lock)
            _pumpQueued = false;
        while (true)
        {
            Message message;
            lock (_lock)
            {
                if (_state != ActivationState.Valid || !_requests.TryStart(out message))
                    return;
            }

            _ = RunAsync(message);
        }
    }

    private async Task RunAsync(Message message)
    {
        try
        {
            if (!message.IsExpired)
                await new IncomingCall(message, this, _silo).RunAsync();
        }
        catch (Exception exception)
        {
            SiloLog.CallNotAnswered(_silo.Logger, exception, message.ToString());
        }
        finally
        {
            OnCompleted(message);
        }
    }

    private void OnCompleted(Message message)
    {
        lock (_lock)
        {
            _requests.Complete(message);
            if (message.IsKeepAlive)
                _idleSince = _silo.Time.GetTimestamp();
            if (_state == ActivationState.Valid)
                QueuePump();
            else
                QueueDeactivationWhenQuiet();
        }
    }
}
