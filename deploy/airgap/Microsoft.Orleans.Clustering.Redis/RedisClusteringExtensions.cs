using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Microsoft.Extensions.Hosting;

/// <summary>Redis clustering needs the full packages; a silo that asks for it here does not start.</summary>
public static class RedisClusteringISiloBuilderExtensions
{
    public static ISiloBuilder UseRedisClustering(this ISiloBuilder builder, string redisConnectionString)
    {
        NoRedisValidator.AddFirst(builder.Services);
        return builder;
    }
}

/// <summary>Redis clustering needs the full packages; a client that asks for it here does not start.</summary>
public static class RedisClusteringIClientBuilderExtensions
{
    public static IClientBuilder UseRedisClustering(this IClientBuilder builder, string redisConnectionString)
    {
        NoRedisValidator.AddFirst(builder.Services);
        return builder;
    }
}

internal sealed class NoRedisValidator : IConfigurationValidator
{
    // Before the checks of what goes without Redis, which would blame something else.
    public static void AddFirst(IServiceCollection services) =>
        services.Insert(0, ServiceDescriptor.Singleton<IConfigurationValidator, NoRedisValidator>());

    public void ValidateConfiguration() => throw new OrleansConfigurationException(
        "Redis clustering was asked for, but this build holds only the single-silo subset of the Orleans packages. "
        + "Build with GridPackages=nuget for a cluster, or leave Redis out of the configuration for one silo.");
}
