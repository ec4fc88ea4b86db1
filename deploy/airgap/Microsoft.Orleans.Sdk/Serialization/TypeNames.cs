using System.Collections.Concurrent;

namespace Orleans.Serialization;

/// <summary>
/// Names of types on the wire: full name and simple assembly name. Reading a name never loads an assembly; whether values of the
/// type may be read is decided by <see cref="ValueCodecs"/>.
/// </summary>
internal static class TypeNames
{
    private const int MaxLength = 2048;

    /// <summary>Names that were read and led to types; senders choose names, so there is an end to it.</summary>
    private const int MaxKnown = 4096;

    private static readonly ConcurrentDictionary<Type, string> Names = new();
    private static readonly ConcurrentDictionary<string, Type> Known = new();

    public static string Format(Type type) => Names.GetOrAdd(type, static key => $"{key.FullName}, {key.Assembly.GetName().Name}");

    /// <exception cref="SerializerException">No loaded assembly has such a type.</exception>
    public static Type Parse(string name)
    {
        if (name.Length > MaxLength)
            throw new SerializerException($"A type name has {name.Length} characters; at most {MaxLength} are read.");
        if (Known.TryGetValue(name, out var known))
            return known;
        try
        {
            var type = Type.GetType(name, FindLoaded, null, throwOnError: false)
                ?? throw new SerializerException($"The type \"{name}\" is not known here.");
            if (Known.Count < MaxKnown)
                Known.TryAdd(name, type);
            return type;
        }
        catch (Exception exception) when (exception is ArgumentException or TypeLoadException or IOException or BadImageFormatException)
        {
            throw new SerializerException($"\"{name}\" is not a type name.", exception);
        }
    }

    private static System.Reflection.Assembly? FindLoaded(System.Reflection.AssemblyName wanted) =>
        AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(assembly => assembly.GetName().Name == wanted.Name);
}
