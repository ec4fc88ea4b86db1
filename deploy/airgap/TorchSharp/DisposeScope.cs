namespace TorchSharp;

/// <summary>
/// Owns every tensor made on this thread while it is the innermost scope, and disposes them when it ends.
/// Tensors leave it by <see cref="MoveToOuter{T}(T)"/> or <see cref="Detach{T}(T)"/>.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    private readonly DisposeScopeManager _manager;
    private readonly DisposeScope? _outer;
    private HashSet<IDisposable> _owned = new(ReferenceEqualityComparer.Instance);

    internal DisposeScope(DisposeScopeManager manager)
    {
        _manager = manager;
        _outer = manager.Current;
    }

    public IReadOnlyList<IDisposable> DisposablesView => [.. _owned];

    public int DisposablesCount => _owned.Count;

    public bool Contains(IDisposable disposable) => _owned.Contains(disposable);

    public T MoveToOuter<T>(T disposable)
        where T : IDisposable
    {
        Release(disposable, _outer);
        return disposable;
    }

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);

    public void MoveToOuter(IEnumerable<IDisposable> disposables)
    {
        foreach (var d in disposables)
            Release(d, _outer);
    }

    public T Detach<T>(T disposable)
        where T : IDisposable
    {
        Release(disposable, null);
        return disposable;
    }

    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    public void Detach(IEnumerable<IDisposable> disposables)
    {
        foreach (var d in disposables)
            Release(d, null);
    }

    public void DisposeEverything() => DisposeEverythingBut([]);

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        var old = _owned;
        _owned = new HashSet<IDisposable>(inKeep, ReferenceEqualityComparer.Instance);
        foreach (var d in old)
        {
            if (_owned.Contains(d))
                continue;
            if (d is torch.Tensor tensor)
                tensor.Scope = null;
            _manager.Counts.DisposedInScopeCount++;
            d.Dispose();
        }
    }

    public void Dispose()
    {
        DisposeEverything();
        _manager.Close(this);
    }

    /// <summary>Tells the scope that one of its own was disposed by hand.</summary>
    public void MarkAsDisposed(IDisposable disposable)
    {
        if (!_owned.Remove(disposable))
            return;
        _manager.Counts.DisposedInScopeCount++;
        if (disposable is torch.Tensor tensor)
            tensor.Scope = null;
    }

    internal DisposeScope Adopt(IDisposable disposable)
    {
        _owned.Add(disposable);
        return this;
    }

    private void Release(IDisposable disposable, DisposeScope? heir)
    {
        if (!_owned.Remove(disposable))
            return;
        if (heir is null)
            _manager.Counts.DetachedFromScopeCount++;
        else
            heir.Adopt(disposable);
        if (disposable is torch.Tensor tensor)
            tensor.Scope = heir;
    }
}
