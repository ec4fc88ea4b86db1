using System.Collections.Concurrent;
using System.Reflection;

namespace Orleans.Runtime;

/// <summary>The names of grain interfaces on the wire.</summary>
internal static class GrainInterfaceNames
{
    private static readonly ConcurrentDictionary<Type, GrainInterfaceType> Names = new();

    /// <summary>The interface's alias, or else its full name.</summary>
    public static GrainInterfaceType Of(Type interfaceType) => Names.GetOrAdd(interfaceType, static type =>
        GrainInterfaceType.Create(type.GetCustomAttribute<AliasAttribute>()?.Alias ?? type.FullName!));
}
