namespace TorchSharp;

/// <summary>The stack of dispose scopes of one thread, and its counters.</summary>
public class DisposeScopeManager
{
    [ThreadStatic] private static DisposeScopeManager? _ofThread;

    private readonly Stack<DisposeScope> _scopes = new();

    public static ThreadDisposeScopeStatistics Statistics => OfThread.Counts;

    internal static DisposeScopeManager OfThread => _ofThread ??= new DisposeScopeManager();

    internal ThreadDisposeScopeStatistics Counts { get; } = new();

    internal DisposeScope? Current => _scopes.Count > 0 ? _scopes.Peek() : null;

    internal static DisposeScope Open()
    {
        var manager = OfThread;
        var scope = new DisposeScope(manager);
        manager._scopes.Push(scope);
        return scope;
    }

    internal DisposeScope? Register(IDisposable disposable)
    {
        var scope = Current;
        if (scope is null)
        {
            Counts.CreatedOutsideScopeCount++;
            return null;
        }

        Counts.CreatedInScopeCount++;
        return scope.Adopt(disposable);
    }

    internal void Close(DisposeScope scope)
    {
        if (Current == scope)
            _scopes.Pop();
    }
}

/// <summary>What happened on this thread: the means of finding a leak.</summary>
public class ThreadDisposeScopeStatistics
{
    public long CreatedOutsideScopeCount { get; internal set; }

    public long CreatedInScopeCount { get; internal set; }

    public long DisposedInScopeCount { get; internal set; }

    public long DetachedFromScopeCount { get; internal set; }

    /// <summary>Tensors that were made in a scope and are neither disposed nor detached.</summary>
    public long ThreadTotalLiveCount => CreatedInScopeCount - DisposedInScopeCount - DetachedFromScopeCount;

    public void Reset()
    {
        CreatedOutsideScopeCount = 0;
        CreatedInScopeCount = 0;
        DisposedInScopeCount = 0;
        DetachedFromScopeCount = 0;
    }
}
