using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Orleans.Core;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>One named state of one activation, over a storage provider.</summary>
internal sealed class StateStorageBridge<TState> : IPersistentState<TState>
{
    private readonly string _name;
    private readonly IGrainContext _context;
    private readonly IGrainStorage _store;
    private readonly SiloRuntime _silo;
    private readonly GrainState<TState> _state = new(CreateState());
    private bool _loaded;

    public StateStorageBridge(string name, IGrainContext context, IGrainStorage store, SiloRuntime silo)
    {
        _name = name;
        _context = context;
        _store = store;
        _silo = silo;
    }

    public TState State
    {
        get
        {
            CheckContext();
            return _state.State;
        }

        set
        {
            CheckContext();
            _state.State = value;
        }
    }

    public string? Etag => _state.ETag;

    public bool RecordExists => _loaded ? _state.RecordExists : throw new InvalidOperationException("The state has not been loaded yet.");

    public Task ReadStateAsync() => RunAsync(nameof(ReadStateAsync), async () =>
    {
        await _store.ReadStateAsync(_name, _context.GrainId, _state);
        _loaded = true;
    });

    public Task WriteStateAsync() => RunAsync(nameof(WriteStateAsync), () => _store.WriteStateAsync(_name, _context.GrainId, _state));

    public Task ClearStateAsync() => RunAsync(nameof(ClearStateAsync), () => _store.ClearStateAsync(_name, _context.GrainId, _state));

    public Task ReadStateAsync(CancellationToken cancellationToken) => ReadStateAsync();

    public Task WriteStateAsync(CancellationToken cancellationToken) => WriteStateAsync();

    public Task ClearStateAsync(CancellationToken cancellationToken) => ClearStateAsync();

    internal static TState CreateState() =>
        typeof(TState).IsValueType ? default!
        : typeof(TState) == typeof(string) || typeof(TState).IsArray || typeof(TState).IsAbstract ? default!
        : typeof(TState).GetConstructor(Type.EmptyTypes) is not null ? Activator.CreateInstance<TState>()
        : (TState)RuntimeHelpers.GetUninitializedObject(typeof(TState));

    private static void CheckContext()
    {
        if (RuntimeContext.Current is null)
            throw new InvalidOperationException("Grain state can be used only by the grain's own code, on its scheduler.");
    }

    private async Task RunAsync(string operation, Func<Task> action)
    {
        try
        {
            CheckContext();
            await action();
        }
        catch (Exception exception)
        {
            var provider = _store.GetType().Name;
            SiloLog.StorageFailed(_silo.Logger, exception, provider, operation, _name, _context.GrainId);
            if (exception is OrleansException)
                ExceptionDispatchInfo.Throw(exception);
            throw new OrleansException(
                $"Error from storage provider {provider}.{_name} during {operation} for grain {_context.GrainId}: {exception.Message}", exception);
        }
    }
}
