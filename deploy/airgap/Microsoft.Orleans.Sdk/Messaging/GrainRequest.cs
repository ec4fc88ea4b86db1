using System.Reflection;
using Orleans.CodeGeneration;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>A call of a grain method with arguments that the callee owns.</summary>
internal sealed class GrainRequest(GrainMethod method, object?[] arguments) : IRequest
{
    private readonly CancellationTokenSource? _cancellation = method.CancellationIndex < 0 ? null : new CancellationTokenSource();
    private object? _target;

    public GrainMethod Method => method;

    public object?[] Arguments => arguments;

    /// <summary>The caller's own token, which never reaches the callee.</summary>
    public CancellationToken CallerToken { get; init; }

    public InvokeMethodOptions Options { get; private set; } = method.Options;

    public bool IsCancellable => method.CancellationIndex >= 0;

    public object? GetTarget() => _target;

    public void SetTarget(ITargetHolder holder)
    {
        _target = holder.GetTarget();
        if (_cancellation is not null)
            arguments[method.CancellationIndex] = _cancellation.Token;
    }

    public ValueTask<Response> Invoke()
    {
        try
        {
            return method.InvokeAsync(_target!, arguments);
        }
        catch (Exception exception)
        {
            return ValueTask.FromResult(Response.FromException(exception));
        }
    }

    public int GetArgumentCount() => arguments.Length;

    public object? GetArgument(int index) => arguments[index];

    public void SetArgument(int index, object value) => arguments[index] = value;

    public string GetMethodName() => method.Method.Name;

    public string GetInterfaceName() => method.InterfaceType.FullName!;

    public string GetActivityName() => $"{method.InterfaceType.Name}/{method.Method.Name}";

    public MethodInfo GetMethod() => method.Method;

    public Type GetInterfaceType() => method.InterfaceType;

    public TimeSpan? GetDefaultResponseTimeout() => method.ResponseTimeout;

    public CancellationToken GetCancellationToken() =>
        IsCancellable && arguments[method.CancellationIndex] is CancellationToken token ? token : default;

    public bool TryCancel()
    {
        if (_cancellation is not { } source)
            return false;
        source.Cancel();
        return true;
    }

    public void AddInvokeMethodOptions(InvokeMethodOptions options) => Options |= options;

    public void Dispose()
    {
    }

    public override string ToString() => $"{method.InterfaceType.FullName}.{method.Method.Name}";
}
