using System.Collections.Concurrent;
using System.Reflection;
using Orleans.Metadata;

namespace Orleans.Runtime;

/// <summary>That a grain class implements an interface. Clients get these from the gateway.</summary>
internal sealed record GrainTypeEntry(string Interface, string GrainType, string ClassName, bool IsPrimary);

/// <summary>Resolves interfaces over a list of implementations.</summary>
internal sealed class GrainTypeMap(IEnumerable<GrainTypeEntry> entries) : IGrainTypeMap
{
    private readonly ILookup<string, GrainTypeEntry> _byInterface = entries.ToLookup(entry => entry.Interface, StringComparer.Ordinal);

    // Every call to a grain begins here.
    private readonly ConcurrentDictionary<Type, GrainType> _chosen = new();

    public IEnumerable<GrainTypeEntry> Entries => _byInterface.SelectMany(group => group);

    public GrainType Resolve(Type interfaceType, string? classNamePrefix)
    {
        if (string.IsNullOrWhiteSpace(classNamePrefix))
            return _chosen.GetOrAdd(interfaceType, Choose);
        var name = GrainInterfaceNames.Of(interfaceType).ToString();
        return GrainType.Create(ByPrefix(name, [.. _byInterface[name]], classNamePrefix).GrainType);
    }

    private GrainType Choose(Type interfaceType)
    {
        if (interfaceType.GetCustomAttribute<DefaultGrainTypeAttribute>() is { } named)
            return named.GrainType;
        var name = GrainInterfaceNames.Of(interfaceType).ToString();
        var candidates = _byInterface[name].ToArray();
        var chosen = candidates.Length switch
        {
            0 => throw new ArgumentException($"Could not find an implementation for interface {name}"),
            1 => candidates[0],
            _ => Array.Find(candidates, candidate => candidate.IsPrimary) ?? throw Ambiguous(name, candidates),
        };
        return GrainType.Create(chosen.GrainType);
    }

    private static GrainTypeEntry ByPrefix(string name, GrainTypeEntry[] candidates, string prefix)
    {
        var matches = Array.FindAll(candidates, candidate => candidate.ClassName.StartsWith(prefix, StringComparison.Ordinal));
        return matches.Length switch
        {
            0 => throw new ArgumentException($"Could not find an implementation matching prefix \"{prefix}\" for interface {name}"),
            1 => matches[0],
            _ => Array.Find(matches, match => match.ClassName == prefix) ?? throw Ambiguous(name, matches),
        };
    }

    private static ArgumentException Ambiguous(string name, GrainTypeEntry[] candidates) => new(
        $"Unable to identify a single appropriate grain type for interface {name}. Candidates: "
        + string.Join(", ", candidates.Select(candidate => $"{candidate.GrainType} ({candidate.ClassName})")));
}
