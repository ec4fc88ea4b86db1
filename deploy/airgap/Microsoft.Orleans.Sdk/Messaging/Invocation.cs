using System.Reflection;
using System.Runtime.ExceptionServices;

namespace Orleans.CodeGeneration
{
    /// <summary>How a method may be scheduled.</summary>
    [Flags]
    public enum InvokeMethodOptions
    {
        None = 0,
        OneWay = 1,
        ReadOnly = 2,
        AlwaysInterleave = 4,
        Unordered = 8,
    }
}

namespace Orleans.Serialization.Invocation
{
    /// <summary>Holds the object that an invocation is for, and its components.</summary>
    public interface ITargetHolder
    {
        object? GetTarget();

        object? GetComponent(Type componentType);
    }

    /// <summary>One request: a method and its arguments.</summary>
    public interface IInvokable : IDisposable
    {
        bool IsCancellable { get; }

        object? GetTarget();

        void SetTarget(ITargetHolder holder);

        ValueTask<Response> Invoke();

        int GetArgumentCount();

        object? GetArgument(int index);

        void SetArgument(int index, object value);

        string GetMethodName();

        string GetInterfaceName();

        string GetActivityName();

        MethodInfo GetMethod();

        Type GetInterfaceType();

        TimeSpan? GetDefaultResponseTimeout();

        CancellationToken GetCancellationToken();

        bool TryCancel();
    }

    /// <summary>The outcome of a request: a result or an exception.</summary>
    public abstract class Response : IDisposable
    {
        public static Response Completed { get; } = new ResultResponse(null);

        public abstract object? Result { get; set; }

        public abstract Exception? Exception { get; set; }

        public static Response FromException(Exception exception) => new ResultResponse(null) { Exception = exception };

        public static Response FromResult<TResult>(TResult value) => new ResultResponse(value);

        public abstract T GetResult<T>();

        public abstract void Dispose();

        public override string ToString() => Exception is { } exception ? $"Exception: {exception}" : $"Result: {Result}";

        private sealed class ResultResponse(object? result) : Response
        {
            private object? _result = result;

            public override object? Result
            {
                get
                {
                    if (Exception is { } exception)
                        ExceptionDispatchInfo.Throw(exception);
                    return _result;
                }

                set => _result = value;
            }

            public override Exception? Exception { get; set; }

            public override T GetResult<T>() => (T)Result!;

            public override void Dispose()
            {
            }
        }
    }
}

namespace Orleans.Runtime
{
    /// <summary>A request to a grain.</summary>
    public interface IRequest : Serialization.Invocation.IInvokable
    {
        CodeGeneration.InvokeMethodOptions Options { get; }

        void AddInvokeMethodOptions(CodeGeneration.InvokeMethodOptions options);
    }
}
