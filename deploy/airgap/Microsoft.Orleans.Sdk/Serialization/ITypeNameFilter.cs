using System.Collections.Concurrent;

namespace Orleans.Serialization;

/// <summary>
/// Decides which types may be named on a connection. The original refuses applications' types that no filter allows and no
/// generated serializer made known; this subset, which reads a type only where a codec claims it, refuses those that a filter forbids.
/// </summary>
public interface ITypeNameFilter
{
    /// <returns>Null where this filter has no opinion.</returns>
    bool? IsTypeNameAllowed(string typeName, string assemblyName);
}

/// <summary>The filters' word on a type and on all that it is made of; the first filter with an opinion decides.</summary>
internal sealed class NamedTypes(IEnumerable<ITypeNameFilter> filters)
{
    private readonly ITypeNameFilter[] _filters = [.. filters];
    private readonly ConcurrentDictionary<Type, bool> _allowed = new();

    /// <exception cref="InvalidOperationException">A filter forbids the type or one that it holds.</exception>
    public void Require(Type type)
    {
        if (_filters.Length > 0 && !_allowed.GetOrAdd(type, static (key, self) => self.IsAllowed(key), this))
            throw new InvalidOperationException($"The type \"{type}\" is not allowed on connections: an {nameof(ITypeNameFilter)} refuses it.");
    }

    private bool IsAllowed(Type type)
    {
        if (type.IsArray) return IsAllowed(type.GetElementType()!);
        var name = (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!;
        var assembly = type.Assembly.GetName().Name!;
        return _filters.Select(filter => filter.IsTypeNameAllowed(name, assembly)).FirstOrDefault(answer => answer is not null) != false
            && type.GetGenericArguments().All(IsAllowed);
    }
}
