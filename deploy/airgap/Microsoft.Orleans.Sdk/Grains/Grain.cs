using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core;
using Orleans.Runtime;

namespace Orleans;

/// <summary>Base class of grains.</summary>
public abstract class Grain : IGrainBase, IAddressable
{
    protected Grain() : this(RuntimeContext.Current!, grainRuntime: null)
    {
    }

    protected Grain(IGrainContext grainContext, IGrainRuntime? grainRuntime = null)
    {
        GrainContext = grainContext;
        Runtime = grainRuntime ?? grainContext?.ActivationServices.GetService<IGrainRuntime>()!;
    }

    [AllowNull]
    public IGrainContext GrainContext { get; private set; }

    public GrainReference GrainReference => GrainContext.GrainReference;

    public string IdentityString => GrainId.ToString();

    public string RuntimeIdentity => Runtime?.SiloIdentity ?? string.Empty;

    protected IGrainFactory GrainFactory => Runtime.GrainFactory;

    protected internal IServiceProvider ServiceProvider => GrainContext?.ActivationServices ?? Runtime?.ServiceProvider!;

    internal IGrainRuntime Runtime { get; }

    internal GrainId GrainId => GrainContext.GrainId;

    /// <summary>Runs before the first request, after the persistent state has been read.</summary>
    public virtual Task OnActivateAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Runs when the activation ends in an orderly way; a killed process does not come here.</summary>
    public virtual Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Ends this activation when the running requests are done. The next request meets a fresh one.</summary>
    protected void DeactivateOnIdle()
    {
        EnsureRuntime();
        Runtime.DeactivateOnIdle(GrainContext ?? RuntimeContext.Current!);
    }

    /// <summary>
    /// Spares this activation from idle collection for a while; zero goes back to the configured age,
    /// <see cref="Timeout.InfiniteTimeSpan"/> spares it for good.
    /// </summary>
    protected void DelayDeactivation(TimeSpan timeSpan)
    {
        EnsureRuntime();
        Runtime.DelayDeactivation(GrainContext ?? RuntimeContext.Current!, timeSpan);
    }

    internal void EnsureRuntime()
    {
        if (Runtime is null)
            throw new InvalidOperationException("This grain was created outside a silo, so it has no runtime.");
    }
}

/// <summary>A grain with one declared state, kept by the provider named in <see cref="Providers.StorageProviderAttribute"/>.</summary>
public class Grain<TGrainState> : Grain
{
    [AllowNull]
    private IStorage<TGrainState> _storage;

    protected Grain() =>
        RuntimeContext.Current!.ObservableLifecycle.Subscribe(GetType().FullName!, GrainLifecycleStage.SetupState, SetUpAsync);

    protected Grain(IStorage<TGrainState> storage) => _storage = storage;

    protected TGrainState State
    {
        get => _storage.State;
        set => _storage.State = value;
    }

    protected virtual Task ClearStateAsync() => _storage.ClearStateAsync();

    protected virtual Task WriteStateAsync() => _storage.WriteStateAsync();

    protected virtual Task ReadStateAsync() => _storage.ReadStateAsync();

    private Task SetUpAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.CompletedTask;
        _storage ??= Runtime.GetStorage<TGrainState>(GrainContext);
        return ReadStateAsync();
    }
}
