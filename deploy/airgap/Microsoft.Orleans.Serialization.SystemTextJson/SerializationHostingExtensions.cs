using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Orleans.Serialization;

/// <summary>Sends chosen types as JSON.</summary>
public static class SerializationHostingExtensions
{
    /// <summary>Types for which <paramref name="isSupported"/> says yes are copied and sent as JSON with the given options.</summary>
    public static ISerializerBuilder AddJsonSerializer(
        this ISerializerBuilder serializerBuilder, Func<Type, bool>? isSupported, JsonSerializerOptions? jsonSerializerOptions = null) =>
        serializerBuilder.AddJsonSerializer(isSupported, isSupported, builder => builder.Configure(options =>
        {
            if (jsonSerializerOptions is not null)
                options.SerializerOptions = jsonSerializerOptions;
        }));

    /// <summary>Types for which either function says yes are copied and sent as JSON.</summary>
    public static ISerializerBuilder AddJsonSerializer(
        this ISerializerBuilder serializerBuilder,
        Func<Type, bool>? isSerializable,
        Func<Type, bool>? isCopyable,
        Action<OptionsBuilder<JsonCodecOptions>>? configureOptions = null)
    {
        var services = serializerBuilder.Services;
        configureOptions?.Invoke(services.AddOptions<JsonCodecOptions>());
        services.AddSingleton(new JsonTypeSelector(type => isSerializable?.Invoke(type) == true || isCopyable?.Invoke(type) == true));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IJsonTypes, JsonTypes>());
        return serializerBuilder;
    }
}

/// <summary>Options of the JSON serializer.</summary>
public class JsonCodecOptions
{
    public JsonSerializerOptions SerializerOptions { get; set; } = new();

    public Func<Type, bool?>? IsSerializableType { get; set; }

    public Func<Type, bool?>? IsCopyableType { get; set; }
}

internal sealed record JsonTypeSelector(Func<Type, bool> IsSupported);

/// <summary>Abstract types are never claimed: the value's own type decides.</summary>
internal sealed class JsonTypes(IEnumerable<JsonTypeSelector> selectors, IOptions<JsonCodecOptions> options) : IJsonTypes
{
    private readonly JsonTypeSelector[] _selectors = [.. selectors];

    public JsonSerializerOptions Options => options.Value.SerializerOptions;

    public bool Claims(Type type) =>
        !type.IsAbstract
        && type.Assembly != typeof(IJsonTypes).Assembly
        && (typeof(System.Text.Json.Nodes.JsonNode).IsAssignableFrom(type)
            || type == typeof(JsonElement)
            || type == typeof(JsonDocument)
            || Array.Exists(_selectors, selector => selector.IsSupported(type))
            || options.Value.IsSerializableType?.Invoke(type) == true
            || options.Value.IsCopyableType?.Invoke(type) == true);
}
