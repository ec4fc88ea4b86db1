using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;
using Orleans.CodeGeneration;
using Orleans.Concurrency;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>What the runtime needs to know of one method of a grain interface, worked out once.</summary>
internal sealed class GrainMethod
{
    private static readonly ConcurrentDictionary<MethodInfo, GrainMethod> Cache = new();

    private readonly Lazy<Func<object, object?[], ValueTask<Response>>> _invoker;

    private GrainMethod(MethodInfo method)
    {
        Method = method;
        InterfaceType = method.DeclaringType!;
        Parameters = [.. method.GetParameters().Select(parameter => parameter.ParameterType)];
        var immutable = method.GetParameters().Select(parameter => parameter.IsDefined(typeof(ImmutableAttribute), false));
        ImmutableParameters = [.. immutable];
        CancellationIndex = Array.IndexOf(Parameters, typeof(CancellationToken));
        Options = ReadOptions(method);
        ResponseTimeout = method.GetCustomAttribute<ResponseTimeoutAttribute>()?.Timeout;
        ResultType = method.ReturnType.IsGenericType ? method.ReturnType.GetGenericArguments()[0] : null;
        Returns = CallCompletion.FactoryFor(method);
        _invoker = new Lazy<Func<object, object?[], ValueTask<Response>>>(CompileInvoker);
        WireName = NameOnWire(method);
    }

    public MethodInfo Method { get; }

    public Type InterfaceType { get; }

    public Type[] Parameters { get; }

    public bool[] ImmutableParameters { get; }

    /// <summary>The index of the cancellation token among the parameters, or -1.</summary>
    public int CancellationIndex { get; }

    public InvokeMethodOptions Options { get; }

    public TimeSpan? ResponseTimeout { get; }

    /// <summary>The type of the result; null for methods that return a bare task.</summary>
    public Type? ResultType { get; }

    public Func<CallCompletion> Returns { get; }

    /// <summary>The name that both ends of a connection know the method by: its alias, or name and parameter types.</summary>
    public string WireName { get; }

    public static GrainMethod Get(MethodInfo method) => Cache.GetOrAdd(method, static key => new GrainMethod(key));

    /// <summary>All methods of a grain interface and of those it extends, by their names on the wire.</summary>
    public static IEnumerable<GrainMethod> AllOf(Type interfaceType) =>
        interfaceType.GetInterfaces().Prepend(interfaceType)
            .Where(type => type != typeof(IAddressable) && typeof(IAddressable).IsAssignableFrom(type))
            .SelectMany(type => type.GetMethods())
            .Where(method => method is { IsStatic: false, IsAbstract: true })
            .Select(Get);

    public ValueTask<Response> InvokeAsync(object target, object?[] arguments) => _invoker.Value(target, arguments);

    private static InvokeMethodOptions ReadOptions(MethodInfo method)
    {
        var options = InvokeMethodOptions.None;
        if (method.IsDefined(typeof(OneWayAttribute)))
            options |= InvokeMethodOptions.OneWay;
        if (method.IsDefined(typeof(ReadOnlyAttribute)))
            options |= InvokeMethodOptions.ReadOnly;
        if (method.IsDefined(typeof(AlwaysInterleaveAttribute)))
            options |= InvokeMethodOptions.AlwaysInterleave;
        return options;
    }

    private static string NameOnWire(MethodInfo method) =>
        method.GetCustomAttribute<AliasAttribute>()?.Alias
        ?? $"{method.DeclaringType!.FullName}.{method.Name}({string.Join(',', method.GetParameters().Select(p => p.ParameterType.ToString()))})";

    private Func<object, object?[], ValueTask<Response>> CompileInvoker()
    {
        var target = Expression.Parameter(typeof(object));
        var arguments = Expression.Parameter(typeof(object?[]));
        var values = Parameters.Select((type, index) =>
            Expression.Convert(Expression.ArrayIndex(arguments, Expression.Constant(index)), type));
        var call = Expression.Call(Expression.Convert(target, InterfaceType), Method, values);
        var toResponse = typeof(GrainMethod).GetMethod(
            ResultType is null ? nameof(FinishAsync) : nameof(FinishWithResultAsync), BindingFlags.Static | BindingFlags.NonPublic)!;
        if (ResultType is not null)
            toResponse = toResponse.MakeGenericMethod(ResultType);
        Expression task = Method.ReturnType.IsValueType
            ? Expression.Call(call, Method.ReturnType.GetMethod(nameof(ValueTask.AsTask))!)
            : call;
        return Expression.Lambda<Func<object, object?[], ValueTask<Response>>>(
            Expression.Call(toResponse, task), target, arguments).Compile();
    }

    private static async ValueTask<Response> FinishAsync(Task task)
    {
        try
        {
            await task;
            return Response.Completed;
        }
        catch (Exception exception)
        {
            return Response.FromException(exception);
        }
    }

    private static async ValueTask<Response> FinishWithResultAsync<T>(Task<T> task)
    {
        try
        {
            return Response.FromResult(await task);
        }
        catch (Exception exception)
        {
            return Response.FromException(exception);
        }
    }
}
