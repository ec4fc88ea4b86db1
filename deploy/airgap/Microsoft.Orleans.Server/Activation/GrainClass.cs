using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Configuration;

namespace Orleans.Runtime;

/// <summary>What the silo needs to know of one grain class, worked out once.</summary>
internal sealed class GrainClass
{
    private readonly ObjectFactory _factory;
    private readonly (ParameterInfo Parameter, PersistentStateAttribute Attribute)[] _facets;
    private readonly Lazy<Dictionary<(string Interface, string Method), GrainMethod>> _methods;

    public GrainClass(Type type, GrainCollectionOptions collection)
    {
        Type = type;
        GrainType = NameOf(type);
        IsReentrant = type.IsDefined(typeof(ReentrantAttribute), true);
        CollectionAge = AgeOf(type, collection);
        _facets = FindFacets(type);
        _factory = ActivatorUtilities.CreateFactory(type, [.. _facets.Select(facet => facet.Parameter.ParameterType)]);
        Interfaces = [.. type.GetInterfaces().Where(IsGrainInterface)];
        _methods = new(() => Interfaces
            .SelectMany(face => GrainMethod.AllOf(face).Select(method => (Key: (GrainInterfaceNames.Of(face).ToString(), method.WireName), method)))
            .ToDictionary(pair => pair.Key, pair => pair.method));
    }

    public Type Type { get; }

    public string Name => Type.FullName!;

    public GrainType GrainType { get; }

    public Type[] Interfaces { get; }

    public bool IsReentrant { get; }

    /// <summary>How long an activation may be idle; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    public TimeSpan CollectionAge { get; }

    public GrainCounters Counters { get; } = new();

    /// <summary>The method that a remote caller names.</summary>
    /// <exception cref="ArgumentException">The class does not implement the interface, or the interface has no such method.</exception>
    public GrainMethod FindMethod(string interfaceName, string wireName) => _methods.Value.TryGetValue((interfaceName, wireName), out var method)
        ? method
        : throw new ArgumentException($"Grains of type {GrainType} have no method {wireName} in an interface {interfaceName}.");

    /// <summary>Builds the instance; the activation must be the current context.</summary>
    public object CreateInstance(IGrainContext context, IPersistentStateFactory states) =>
        _factory(context.ActivationServices, [.. _facets.Select(facet => CreateFacet(context, states, facet.Parameter, facet.Attribute))]);

    /// <summary>The explicit name, or the class name in lower case without the suffix "grain".</summary>
    public static GrainType NameOf(Type type)
    {
        if (type.GetCustomAttribute<GrainTypeAttribute>() is { } attribute)
            return attribute.GetGrainType(null!, type);
        var name = type.Name.ToLowerInvariant();
        const string suffix = "grain";
        return GrainType.Create(name.Length > suffix.Length && name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : name);
    }

    private static bool IsGrainInterface(Type type) =>
        typeof(IAddressable).IsAssignableFrom(type)
        && type != typeof(IAddressable)
        && type.Namespace != typeof(IGrain).Namespace;

    private static TimeSpan AgeOf(Type type, GrainCollectionOptions collection)
    {
        if (type.IsDefined(typeof(KeepAliveAttribute), true))
            return Timeout.InfiniteTimeSpan;
        if (type.GetCustomAttribute<CollectionAgeLimitAttribute>() is { } limit)
            return limit.AlwaysActive ? Timeout.InfiniteTimeSpan : limit.AgeLimit;
        return collection.ClassSpecificCollectionAge.TryGetValue(type.FullName!, out var age) ? age : collection.CollectionAge;
    }

    private static (ParameterInfo, PersistentStateAttribute)[] FindFacets(Type type)
    {
        var constructors = type.GetConstructors();
        var constructor = Array.Find(constructors, candidate => candidate.IsDefined(typeof(ActivatorUtilitiesConstructorAttribute)))
            ?? (constructors.Length == 1 ? constructors[0] : constructors.MaxBy(candidate => candidate.GetParameters().Length));
        return [.. (constructor?.GetParameters() ?? [])
            .Select(parameter => (parameter, parameter.GetCustomAttribute<PersistentStateAttribute>()!))
            .Where(pair => pair.Item2 is not null)];
    }

    private static object CreateFacet(
        IGrainContext context, IPersistentStateFactory states, ParameterInfo parameter, PersistentStateAttribute attribute)
    {
        var type = parameter.ParameterType;
        if (!type.IsGenericType || type.GetGenericTypeDefinition() != typeof(IPersistentState<>))
            throw new ArgumentException(
                $"[PersistentState] is on the parameter {parameter.Name} of {parameter.Member.DeclaringType}, which is not an IPersistentState<T>.");
        return typeof(IPersistentStateFactory).GetMethod(nameof(IPersistentStateFactory.Create))!
            .MakeGenericMethod(type.GetGenericArguments())
            .Invoke(states, BindingFlags.DoNotWrapExceptions, null, [context, attribute], null)!;
    }
}
