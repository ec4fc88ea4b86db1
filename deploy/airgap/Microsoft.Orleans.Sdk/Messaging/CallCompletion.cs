using System.Reflection;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>The caller's side of one call: what it awaits, and how the response completes it.</summary>
internal abstract class CallCompletion
{
    /// <summary>What the proxied method returns: a task or value task of the declared type.</summary>
    public abstract object Returned { get; }

    public abstract void Complete(Response response);

    /// <exception cref="NotSupportedException">The method does not return a task or value task.</exception>
    public static Func<CallCompletion> FactoryFor(MethodInfo method)
    {
        var type = method.ReturnType;
        if (type == typeof(Task))
            return static () => new TaskCompletion();
        if (type == typeof(ValueTask))
            return static () => new ValueTaskCompletion();
        var definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        var completion = definition == typeof(Task<>) ? typeof(TaskCompletion<>)
            : definition == typeof(ValueTask<>) ? typeof(ValueTaskCompletion<>)
            : throw new NotSupportedException(
                $"{method.DeclaringType}.{method.Name} returns {type}: grain methods return Task, Task<T>, ValueTask or ValueTask<T>.");
        return (Func<CallCompletion>)typeof(CallCompletion)
            .GetMethod(nameof(FactoryOf), BindingFlags.Static | BindingFlags.NonPublic)!
            .MakeGenericMethod(completion.MakeGenericType(type.GetGenericArguments()))
            .Invoke(null, null)!;
    }

    private static Func<CallCompletion> FactoryOf<T>()
        where T : CallCompletion, new() => static () => new T();

    private class TaskCompletion : CallCompletion
    {
        // Continuations must not run on the thread that delivers the response: it serves other activations.
        private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override object Returned => _source.Task;

        protected Task Task => _source.Task;

        public override void Complete(Response response)
        {
            if (response.Exception is null)
                _source.TrySetResult();
            else
                _source.TrySetException(response.Exception);
        }
    }

    private sealed class ValueTaskCompletion : TaskCompletion
    {
        public override object Returned => new ValueTask(Task);
    }

    private class TaskCompletion<T> : CallCompletion
    {
        private readonly TaskCompletionSource<T> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override object Returned => _source.Task;

        protected Task<T> Task => _source.Task;

        public override void Complete(Response response)
        {
            if (response.Exception is null)
                _source.TrySetResult((T)response.Result!);
            else
                _source.TrySetException(response.Exception);
        }
    }

    private sealed class ValueTaskCompletion<T> : TaskCompletion<T>
    {
        public override object Returned => new ValueTask<T>(Task);
    }
}
