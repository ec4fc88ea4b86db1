using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace FineTuneGrid.Silo;

/// <summary>
/// Whether values of a contract type stay as they were made: every field is set once and holds such a value itself. A list or map
/// counts where it is declared read-only; whoever puts one into a contract value gives it away and changes it no more. A JSON
/// element counts: it belongs to a document of its own, which nobody disposes of.
/// </summary>
public static class ContractShape
{
    private static readonly HashSet<Type> Scalars =
        [typeof(string), typeof(decimal), typeof(DateTimeOffset), typeof(DateTime), typeof(TimeSpan), typeof(Guid), typeof(JsonElement)];

    private static readonly HashSet<Type> ReadOnlyCollections =
        [typeof(IReadOnlyList<>), typeof(IReadOnlyCollection<>), typeof(IReadOnlyDictionary<,>), typeof(IReadOnlySet<>), typeof(KeyValuePair<,>)];

    private static readonly ConcurrentDictionary<Type, bool> Known = new();

    public static bool IsImmutable(Type type) => Known.GetOrAdd(type, static key => Obstacle(key) is null);

    /// <summary>The first member that stands against it, as <c>Type.Field</c>; null where the type is immutable.</summary>
    public static string? Obstacle(Type type) => Find(type, type.Name, []);

    private static string? Find(Type type, string path, HashSet<Type> seen)
    {
        if (type.IsPrimitive || type.IsEnum || Scalars.Contains(type) || !seen.Add(type))
            return null;
        if (Nullable.GetUnderlyingType(type) is { } value)
            return Find(value, path, seen);
        if (type.IsConstructedGenericType && ReadOnlyCollections.Contains(type.GetGenericTypeDefinition()))
            return type.GetGenericArguments().Select(argument => Find(argument, path, seen)).FirstOrDefault(found => found is not null);
        if (!ContractTypes.Contains(type) || type.IsInterface)
            return path;
        return Fields(type).Select(field => field.IsInitOnly ? Find(field.FieldType, NameOf(field), seen) : NameOf(field))
            .Concat(Derived(type).Select(derived => Find(derived, derived.Name, seen)))
            .FirstOrDefault(found => found is not null);
    }

    private static IEnumerable<FieldInfo> Fields(Type type)
    {
        for (var level = type; level is not null && level != typeof(object); level = level.BaseType)
            foreach (var field in level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                yield return field;
    }

    /// <summary>What may stand in the place of a value of the type.</summary>
    private static IEnumerable<Type> Derived(Type type) => type.IsSealed ? [] : type.Assembly.GetTypes().Where(t => t.IsSubclassOf(type));

    private static string NameOf(FieldInfo field)
    {
        var end = field.Name.IndexOf(">k__", StringComparison.Ordinal);
        return $"{field.DeclaringType!.Name}.{(end > 0 ? field.Name[1..end] : field.Name)}";
    }
}
