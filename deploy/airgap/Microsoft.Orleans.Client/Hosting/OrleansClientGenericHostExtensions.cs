using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Orleans.Serialization;

namespace Microsoft.Extensions.Hosting;

/// <summary>Puts a client into a host.</summary>
public static class OrleansClientGenericHostExtensions
{
    public static IHostApplicationBuilder UseOrleansClient(this IHostApplicationBuilder hostAppBuilder, Action<IClientBuilder> configureDelegate)
    {
        ArgumentNullException.ThrowIfNull(hostAppBuilder);
        ArgumentNullException.ThrowIfNull(configureDelegate);
        configureDelegate(AddClientCore(hostAppBuilder.Services, hostAppBuilder.Configuration));
        return hostAppBuilder;
    }

    public static HostApplicationBuilder UseOrleansClient(this HostApplicationBuilder hostAppBuilder, Action<IClientBuilder> configureDelegate)
    {
        ArgumentNullException.ThrowIfNull(hostAppBuilder);
        ((IHostApplicationBuilder)hostAppBuilder).UseOrleansClient(configureDelegate);
        return hostAppBuilder;
    }

    public static IHostBuilder UseOrleansClient(this IHostBuilder hostBuilder, Action<IClientBuilder> configureDelegate) =>
        hostBuilder.UseOrleansClient((_, builder) => configureDelegate(builder));

    public static IHostBuilder UseOrleansClient(this IHostBuilder hostBuilder, Action<HostBuilderContext, IClientBuilder> configureDelegate)
    {
        ArgumentNullException.ThrowIfNull(hostBuilder);
        ArgumentNullException.ThrowIfNull(configureDelegate);
        return hostBuilder.ConfigureServices((context, services) =>
            configureDelegate(context, AddClientCore(services, context.Configuration)));
    }

    public static IServiceCollection AddOrleansClient(this IServiceCollection services, Action<IClientBuilder> configureDelegate)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configureDelegate);
        configureDelegate(AddClientCore(services, new ConfigurationBuilder().Build()));
        return services;
    }

    private static ClientBuilder AddClientCore(IServiceCollection services, IConfiguration configuration)
    {
        if (services.All(service => service.ServiceType != typeof(ClientRuntime)))
            AddDefaults(services);
        return new ClientBuilder(services, configuration);
    }

    private static void AddDefaults(IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(IClusterClient)))
            throw new OrleansConfigurationException(
                "A host is either a silo or a client: call UseOrleans or UseOrleansClient, not both. A silo has a client in its services.");
        services.AddLogging();
        services.AddOptions();
        services.AddSerializer();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<GatewayConnector>();
        services.AddSingleton<ConnectionStatus>();
        services.AddSingleton<IClientConnectionRetryFilter, LinearBackoffClientConnectionRetryFilter>();
        services.AddSingleton<ClientRuntime>();
        services.AddSingleton<IRuntimeClient>(provider => provider.GetRequiredService<ClientRuntime>());
        services.AddSingleton<IGrainFactory, GrainFactory>();
        services.AddSingleton<ClusterClient>();
        services.AddSingleton<IClusterClient>(provider => provider.GetRequiredService<ClusterClient>());
        services.AddSingleton<IConfigurationValidator, GatewayListValidator>();
        services.AddHostedService(provider => provider.GetRequiredService<ClusterClient>());
    }
}
