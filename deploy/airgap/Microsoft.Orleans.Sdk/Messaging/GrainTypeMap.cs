using System.Reflection;
using Orleans.Metadata;

namespace Orleans.Runtime;

/// <summary>That a grain class implements an interface. Clients get these from the gateway.</summary>
internal sealed record GrainTypeEntry(string Interface, string GrainType, string ClassName, bool IsPrimary);

/// <summary>Resolves interfaces over a list of implementations.</summary>
internal sealed class GrainTypeMap(IEnumerable<GrainTypeEntry> entries) : IGrainTypeMap
{
    private readonly ILookup<string, GrainTypeEntry> _byInterface = entries.ToLookup(entry => entry.Interface, StringComparer.Ordinal);

    public IEnumerable<GrainTypeEntry> Entries => _byInterface.SelectMany(group => group);

    public GrainType Resolve(Type interfaceType, string? classNamePrefix)
    {
        var name = GrainInterfaceNames.Of(interfaceType).ToString();
        var candidates = _byInterface[name].ToArray();
        if (!string.IsNullOrWhiteSpace(classNamePrefix))
            return GrainType.Create(ByPrefix(name, candidates, classNamePrefix).GrainType);
        if (interfaceType.GetCustomAttribute<DefaultGrainTypeAttribute>() is { } named)
            return named.GrainType;
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
