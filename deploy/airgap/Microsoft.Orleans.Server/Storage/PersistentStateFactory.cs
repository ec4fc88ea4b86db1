using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Providers;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>Makes states that are read when their activation sets up.</summary>
internal sealed class PersistentStateFactory(Lazy<SiloRuntime> silo) : IPersistentStateFactory
{
    public IPersistentState<TState> Create<TState>(IGrainContext context, IPersistentStateConfiguration config)
    {
        var storage = GrainStorageBridges.FindStorage(context, config.StorageName);
        var bridge = new StateStorageBridge<TState>(config.StateName, context, storage, silo.Value);
        context.ObservableLifecycle.Subscribe(
            $"{nameof(PersistentStateFactory)}.{config.StateName}",
            GrainLifecycleStage.SetupState,
            token => token.IsCancellationRequested ? Task.CompletedTask : bridge.ReadStateAsync());
        return bridge;
    }
}

/// <summary>Finds the storage of grains and states.</summary>
internal sealed class GrainStorageBridges(SiloRuntime silo)
{
    private const string GrainStateName = "state";

    /// <exception cref="BadProviderConfigException">No storage of this name is registered.</exception>
    public static IGrainStorage FindStorage(IGrainContext context, string? name) =>
        (string.IsNullOrWhiteSpace(name)
            ? context.ActivationServices.GetService<IGrainStorage>()
            : context.ActivationServices.GetKeyedService<IGrainStorage>(name))
        ?? throw new BadProviderConfigException(string.IsNullOrWhiteSpace(name)
            ? $"No default storage provider found loading grain type {context.GrainId.Type}."
            : $"No storage provider named \"{name}\" found loading grain type {context.GrainId.Type}.");

    public Core.IStorage<TState> CreateForGrain<TState>(IGrainContext context)
    {
        var attribute = context.GrainInstance?.GetType().GetCustomAttribute<StorageProviderAttribute>(true);
        return new StateStorageBridge<TState>(GrainStateName, context, FindStorage(context, attribute?.ProviderName), silo);
    }
}
