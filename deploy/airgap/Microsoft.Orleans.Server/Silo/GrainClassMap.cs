using System.Reflection;
using System.Runtime.Loader;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Orleans.Runtime;

/// <summary>
/// The grain classes of this process: those of all assemblies that are loaded, or that the entry assembly refers to, and that
/// refer to the grain abstractions themselves.
/// </summary>
internal sealed class GrainClassMap
{
    private readonly Dictionary<GrainType, GrainClass> _byType = [];

    public GrainClassMap(IOptions<GrainCollectionOptions> collection)
    {
        foreach (var type in FindAssemblies().SelectMany(TypesOf).Where(IsGrainClass))
        {
            var grainClass = new GrainClass(type, collection.Value);
            if (!_byType.TryAdd(grainClass.GrainType, grainClass))
                throw new OrleansConfigurationException(
                    $"The grain classes {type.FullName} and {_byType[grainClass.GrainType].Name} have the same grain type "
                    + $"\"{grainClass.GrainType}\": give one of them a [GrainType] of its own.");
        }

        Types = new GrainTypeMap(_byType.Values.SelectMany(Entries));
    }

    public GrainTypeMap Types { get; }

    public IReadOnlyCollection<GrainClass> Classes => _byType.Values;

    /// <exception cref="ArgumentException">No grain class has this type.</exception>
    public GrainClass Find(GrainType type) => _byType.TryGetValue(type, out var grainClass)
        ? grainClass
        : throw new ArgumentException($"Could not find a grain class for grain type {type}.");

    private static IEnumerable<GrainTypeEntry> Entries(GrainClass grainClass) =>
        grainClass.Interfaces.Select(type => new GrainTypeEntry(
            GrainInterfaceNames.Of(type).ToString(),
            grainClass.GrainType.ToString()!,
            grainClass.Name,
            type.Name.Length > 1 && type.Name[1..] == grainClass.Type.Name));

    private static bool IsGrainClass(Type type) =>
        type is { IsClass: true, IsAbstract: false, IsGenericTypeDefinition: false }
        && typeof(IGrain).IsAssignableFrom(type)
        && !typeof(GrainReference).IsAssignableFrom(type);

    private static IEnumerable<Assembly> FindAssemblies()
    {
        var abstractions = typeof(IGrain).Assembly.GetName().Name;
        var found = new Dictionary<string, Assembly>(StringComparer.Ordinal);
        var queue = new Queue<Assembly>(AppDomain.CurrentDomain.GetAssemblies().Where(assembly => !assembly.IsDynamic));
        if (Assembly.GetEntryAssembly() is { } entry)
            queue.Enqueue(entry);
        while (queue.TryDequeue(out var assembly))
        {
            var references = assembly.GetReferencedAssemblies();
            var isOurs = Array.Exists(references, reference => reference.Name == abstractions);
            if (!isOurs || !found.TryAdd(assembly.FullName!, assembly))
                continue;
            foreach (var reference in references.Where(reference => !IsFramework(reference.Name!)))
            {
                if (TryLoad(reference) is { } loaded)
                    queue.Enqueue(loaded);
            }
        }

        return found.Values;
    }

    private static bool IsFramework(string name) =>
        name.StartsWith("System.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.AspNetCore.", StringComparison.Ordinal)
        || name is "netstandard" or "mscorlib" or "System";

    private static Assembly? TryLoad(AssemblyName name)
    {
        try
        {
            return AssemblyLoadContext.Default.LoadFromAssemblyName(name);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static Type[] TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException exception)
        {
            return [.. exception.Types.OfType<Type>()];
        }
    }
}
