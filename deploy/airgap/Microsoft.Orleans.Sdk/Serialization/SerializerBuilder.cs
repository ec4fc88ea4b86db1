using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Orleans.Serialization
{
    /// <summary>Configures how values travel in grain calls.</summary>
    public interface ISerializerBuilder
    {
        IServiceCollection Services { get; }
    }

    /// <summary>Which exceptions travel with their type, base members only. Others need a serializer of their own.</summary>
    public class ExceptionSerializationOptions
    {
        public HashSet<string> SupportedNamespacePrefixes { get; } = new(StringComparer.Ordinal) { "Microsoft", "System", "Azure" };

        public Func<Type, bool> SupportedExceptionTypeFilter { get; set; } = static _ => false;
    }

    /// <summary>Registers serialisation.</summary>
    public static class ServiceCollectionExtensions
    {
        public static IServiceCollection AddSerializer(this IServiceCollection services, Action<ISerializerBuilder>? configure = null)
        {
            services.AddOptions<ExceptionSerializationOptions>();
            services.TryAddSingleton<ValueCodecs>();
            configure?.Invoke(new Builder(services));
            return services;
        }

        private sealed class Builder(IServiceCollection services) : ISerializerBuilder
        {
            public IServiceCollection Services => services;
        }
    }
}

namespace Orleans.Serialization.Serializers
{
    /// <summary>Chooses the types that a named serializer writes.</summary>
    public interface ICodecSelector
    {
        string CodecName { get; }

        bool IsSupportedType(Type type);
    }

    /// <summary>Chooses the types that a named serializer copies.</summary>
    public interface ICopierSelector
    {
        string CopierName { get; }

        bool IsSupportedType(Type type);
    }
}
