using System.Reflection;
using Microsoft.Extensions.Logging;
using Orleans.Serialization.Invocation;
using Orleans.Timers;

namespace Orleans.Runtime;

/// <summary>Creates grain timers.</summary>
internal sealed class TimerRegistry(TimeProvider time, ILogger<TimerRegistry> logger) : ITimerRegistry
{
    public IGrainTimer RegisterGrainTimer<TState>(
        IGrainContext grainContext, Func<TState, CancellationToken, Task> callback, TState state, GrainTimerCreationOptions options)
    {
        ArgumentNullException.ThrowIfNull(grainContext);
        ArgumentNullException.ThrowIfNull(callback);
        if (!ReferenceEquals(RuntimeContext.Current, grainContext))
            throw new InvalidOperationException("A grain timer can be created only by the grain's own code, on its scheduler.");
        var activation = (Activation)grainContext;
        var timer = new GrainTimer(activation, token => callback(state, token), options, time, logger);
        activation.Add(timer);
        timer.Change(options.DueTime, options.Period);
        return timer;
    }
}

/// <summary>What call filters see of a timer's tick.</summary>
internal interface IGrainTimerInvoker : IAddressable
{
    Task InvokeCallbackAsync();
}

/// <summary>
/// Sends itself a local message when it is due, so that ticks keep to the grain's turns. The next tick is set when the callback ends.
/// </summary>
internal sealed class GrainTimer : IGrainTimer, IInvokable, IGrainTimerInvoker
{
    private static readonly MethodInfo TickMethod = typeof(IGrainTimerInvoker).GetMethod(nameof(IGrainTimerInvoker.InvokeCallbackAsync))!;

    private readonly Activation _activation;
    private readonly Func<CancellationToken, Task> _callback;
    private readonly GrainTimerCreationOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _disposed = new();
    private readonly ITimer _timer;
    private TimeSpan _dueTime;
    private TimeSpan _period;
    private bool _changed;
    private bool _ticking;

    public GrainTimer(
        Activation activation, Func<CancellationToken, Task> callback, GrainTimerCreationOptions options, TimeProvider time, ILogger logger)
    {
        _activation = activation;
        _callback = callback;
        _options = options;
        _logger = logger;
        using (FlowSuppressor.Suppress())
            _timer = time.CreateTimer(static state => ((GrainTimer)state!).SendTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    bool IInvokable.IsCancellable => false;

    public void Change(TimeSpan dueTime, TimeSpan period)
    {
        Check(dueTime, nameof(dueTime));
        Check(period, nameof(period));
        _dueTime = dueTime;
        _period = period;
        _changed = true;
        if (!_ticking)
            Schedule(dueTime);
    }

    public void Dispose()
    {
        _disposed.Cancel();
        _timer.Dispose();
        _activation.Remove(this);
    }

    async ValueTask<Response> IInvokable.Invoke()
    {
        _changed = false;
        try
        {
            await _callback(_disposed.Token);
            return Response.Completed;
        }
        catch (Exception exception)
        {
            SiloLog.TimerFailed(_logger, exception, _activation.GrainId);
            return Response.FromException(exception);
        }
        finally
        {
            if (!_disposed.IsCancellationRequested)
                Schedule(_changed ? _dueTime : _period);
            _ticking = false;
        }
    }

    Task IGrainTimerInvoker.InvokeCallbackAsync() => throw new InvalidOperationException("Timer ticks are started by the runtime only.");

    object? IInvokable.GetTarget() => this;

    void IInvokable.SetTarget(ITargetHolder holder)
    {
    }

    int IInvokable.GetArgumentCount() => 0;

    object? IInvokable.GetArgument(int index) => throw new ArgumentOutOfRangeException(nameof(index));

    void IInvokable.SetArgument(int index, object value) => throw new ArgumentOutOfRangeException(nameof(index));

    string IInvokable.GetMethodName() => TickMethod.Name;

    string IInvokable.GetInterfaceName() => nameof(IGrainTimerInvoker);

    string IInvokable.GetActivityName() => $"{nameof(IGrainTimerInvoker)}/{TickMethod.Name}";

    MethodInfo IInvokable.GetMethod() => TickMethod;

    Type IInvokable.GetInterfaceType() => typeof(IGrainTimerInvoker);

    TimeSpan? IInvokable.GetDefaultResponseTimeout() => null;

    CancellationToken IInvokable.GetCancellationToken() => default;

    bool IInvokable.TryCancel() => false;

    private static void Check(TimeSpan time, string name)
    {
        const uint maxMilliseconds = 0xfffffffe;
        var milliseconds = (long)time.TotalMilliseconds;
        ArgumentOutOfRangeException.ThrowIfLessThan(milliseconds, -1, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(milliseconds, maxMilliseconds, name);
    }

    private void Schedule(TimeSpan time)
    {
        try
        {
            _timer.Change(time, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // Disposed on another thread in the meantime: no tick is wanted any more.
        }
    }

    private void SendTick()
    {
        _ticking = true;
        _activation.Receive(new Message
        {
            Id = 0,
            Sender = _activation.GrainId,
            Target = _activation.GrainId,
            Request = this,
            InterfaceType = GrainInterfaceType.Create(typeof(IGrainTimerInvoker).FullName!),
            Options = CodeGeneration.InvokeMethodOptions.OneWay
                | (_options.Interleave ? CodeGeneration.InvokeMethodOptions.AlwaysInterleave : CodeGeneration.InvokeMethodOptions.None),
            IsLocalOnly = true,
            IsKeepAlive = _options.KeepAlive,
        });
    }
}
