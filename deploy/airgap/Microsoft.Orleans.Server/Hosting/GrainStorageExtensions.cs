using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Providers;
using Orleans.Runtime;
using Orleans.Storage;

namespace Orleans.Runtime.Hosting
{
    /// <summary>Registers storage providers of one's own.</summary>
    public static class StorageProviderExtensions
    {
        /// <summary>Registers a storage under a name. One that takes part in the silo's lifecycle is started with it.</summary>
        public static IServiceCollection AddGrainStorage<T>(
            this IServiceCollection collection, string name, Func<IServiceProvider, string, T> implementationFactory)
            where T : IGrainStorage
        {
            collection.AddKeyedSingleton<IGrainStorage>(name, (services, key) => implementationFactory(services, (string)key!));
            if (name == ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME)
                collection.TryAddSingleton(services => services.GetRequiredKeyedService<IGrainStorage>(name));
            if (typeof(ILifecycleParticipant<ISiloLifecycle>).IsAssignableFrom(typeof(T)))
                collection.AddSingleton(services => (ILifecycleParticipant<ISiloLifecycle>)services.GetRequiredKeyedService<IGrainStorage>(name));
            return collection;
        }
    }
}

namespace Orleans.Hosting
{
    using Orleans.Runtime.Hosting;

    /// <summary>Storage in the silo's memory.</summary>
    public static class MemoryGrainStorageSiloBuilderExtensions
    {
        public static ISiloBuilder AddMemoryGrainStorage(this ISiloBuilder builder, string name)
        {
            builder.Services.AddGrainStorage(name, static (_, _) => new MemoryGrainStorage());
            return builder;
        }

        public static ISiloBuilder AddMemoryGrainStorageAsDefault(this ISiloBuilder builder) =>
            builder.AddMemoryGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME);
    }
}
