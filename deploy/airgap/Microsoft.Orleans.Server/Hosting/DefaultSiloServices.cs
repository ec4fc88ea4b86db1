using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Orleans.Serialization;
using Orleans.Timers;

namespace Orleans.Hosting;

/// <summary>What every silo registers.</summary>
internal static class DefaultSiloServices
{
    public static void AddTo(IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(IClusterClient)))
            throw new OrleansConfigurationException(
                "A host is either a silo or a client: call UseOrleans or UseOrleansClient, not both. A silo has a client in its services.");
        services.AddLogging();
        services.AddOptions();
        services.AddSerializer();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ILocalSiloDetails, LocalSiloDetails>();
        services.AddSingleton<GrainClassMap>();
        services.AddSingleton<SiloRuntime>();
        services.AddSingleton(provider => new Lazy<SiloRuntime>(provider.GetRequiredService<SiloRuntime>));
        services.AddSingleton<IRuntimeClient>(provider => provider.GetRequiredService<SiloRuntime>());
        services.AddSingleton<IGrainFactory, GrainFactory>();
        services.AddSingleton<IClusterClient, HostedClient>();
        services.AddSingleton<IGrainRuntime, GrainRuntime>();
        services.AddSingleton<GrainStorageBridges>();
        services.TryAddSingleton<IPersistentStateFactory, PersistentStateFactory>();
        services.AddSingleton<ITimerRegistry, TimerRegistry>();
        services.AddSingleton<SiloState>();
        services.AddSingleton<SiloLifecycle>();
        services.AddSingleton<ISiloLifecycle>(provider => provider.GetRequiredService<SiloLifecycle>());
        services.AddSingleton<Gateway>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredService<Gateway>());
        services.AddSingleton<IGrainContextAccessor, GrainContextAccessor>();
        services.AddScoped<GrainContextHolder>();
        services.AddScoped(provider => provider.GetRequiredService<GrainContextHolder>().Context
            ?? throw new InvalidOperationException("A grain context exists only in the services of an activation."));
        services.AddSingleton<IConfigurationValidator, ClusterOptionsValidator>();
        services.AddSingleton<IConfigurationValidator, GrainCollectionOptionsValidator>();
        services.AddSingleton<IConfigurationValidator, ClusteringValidator>();
        services.AddHostedService<Silo>();
    }
}

/// <summary>The client inside the silo's process.</summary>
internal sealed class HostedClient(IGrainFactory factory, IServiceProvider services) : ForwardingGrainFactory(factory), IClusterClient
{
    public IServiceProvider ServiceProvider => services;
}
