using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Orleans.Serialization.Invocation;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>Runs one request: the silo's call filters, the grain's own, the method; then answers.</summary>
internal sealed class IncomingCall(Message message, Activation activation, SiloRuntime silo) : IIncomingGrainCallContext
{
    private static readonly ConcurrentDictionary<(Type Class, MethodInfo Method), MethodInfo> Implementations = new();

    private readonly IIncomingGrainCallFilter[] _filters = silo.IncomingFilters;
    private int _stage;

    public IInvokable Request => message.Request;

    public object Grain => activation.GrainInstance!;

    public IGrainContext TargetContext => activation;

    public GrainId? SourceId => message.Sender.IsDefault ? null : message.Sender;

    public GrainId TargetId => activation.GrainId;

    public GrainInterfaceType InterfaceType => message.InterfaceType;

    public string InterfaceName => Request.GetInterfaceName();

    public string MethodName => Request.GetMethodName();

    public MethodInfo InterfaceMethod => Request.GetMethod();

    public MethodInfo ImplementationMethod =>
        Implementations.GetOrAdd((Request.GetTarget()!.GetType(), InterfaceMethod), static key => FindImplementation(key.Class, key.Method));

    public Response? Response { get; set; }

    public object? Result
    {
        get => Response is { Exception: null } response ? response.Result : null;
        set => Response = Response.FromResult(value);
    }

    public async Task RunAsync()
    {
        RequestContext.Import(message.Context);
        var start = Stopwatch.GetTimestamp();
        var response = await RunToResponseAsync();
        activation.Class.Counters.Record(MethodName, start, response.Exception is not null);
        if (response.Exception is { } exception)
            OnFailure(exception);
        message.Sink?.Receive(message, response);
    }

    public async Task Invoke()
    {
        if (_stage < _filters.Length)
        {
            await InvokeFilterAsync(_filters[_stage]);
        }
        else if (_stage == _filters.Length && Grain is IIncomingGrainCallFilter own)
        {
            await InvokeFilterAsync(own);
        }
        else if (_stage <= _filters.Length + 1)
        {
            Response = await InvokeMethodAsync();
            if (Response.Exception is { } exception)
                ExceptionDispatchInfo.Throw(exception);
        }
        else
        {
            throw new InvalidOperationException("The call has already been made.");
        }
    }

    private static MethodInfo FindImplementation(Type type, MethodInfo method)
    {
        var map = type.GetInterfaceMap(method.DeclaringType!);
        return map.TargetMethods[Array.IndexOf(map.InterfaceMethods, method)];
    }

    private async Task InvokeFilterAsync(IIncomingGrainCallFilter filter)
    {
        _stage++;
        try
        {
            await filter.Invoke(this);
        }
        finally
        {
            _stage--;
        }

        if (Response is null)
            throw new InvalidOperationException($"The call filter {filter.GetType().Name} neither went on nor set a result.");
    }

    private async Task<Response> RunToResponseAsync()
    {
        try
        {
            Request.SetTarget(activation);
            if (_filters.Length == 0 && Grain is not IIncomingGrainCallFilter)
                return await InvokeMethodAsync();
            await Invoke();
            return Response!;
        }
        catch (Exception exception)
        {
            return Response.FromException(exception);
        }
    }

    private async ValueTask<Response> InvokeMethodAsync()
    {
        var response = await Request.Invoke();
        if (response.Exception is null && response.Result is { } result)
            return Response.FromResult(silo.Codecs.Member((Request as GrainRequest)?.Method.ResultType ?? typeof(object)).Copy(result));
        return response;
    }

    private void OnFailure(Exception exception)
    {
        SiloLog.CallFailed(silo.Logger, exception, message.ToString());

        // The activation's picture of its state is stale. Grains that merely pass the exception on are not to blame.
        if (exception is not InconsistentStateException { IsSourceActivation: true } inconsistent)
            return;
        inconsistent.IsSourceActivation = false;
        activation.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationError, exception.ToString()));
    }
}
