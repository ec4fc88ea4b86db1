using Microsoft.Extensions.Primitives;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>Which jobs a list is of: <c>metadata[key]=value</c>, all of them, or <c>metadata=null</c> for jobs without any.</summary>
internal sealed record MetadataFilter(IReadOnlyDictionary<string, string> Pairs, bool None)
{
    private const string Name = "metadata";

    public bool IsEmpty => Pairs.Count == 0 && !None;

    public static MetadataFilter Read(IEnumerable<KeyValuePair<string, StringValues>> query)
    {
        var (pairs, none) = (new Dictionary<string, string>(), false);
        foreach (var (key, value) in query)
        {
            if (key == Name) none = value.ToString() is "null" or "";
            else if (key.StartsWith(Name + "[", StringComparison.Ordinal) && key[^1] == ']') pairs[key[(Name.Length + 1)..^1]] = value.ToString();
        }
        return new MetadataFilter(pairs, none);
    }

    public bool Holds(IReadOnlyDictionary<string, string> metadata) =>
        None ? metadata.Count == 0 : Pairs.All(p => metadata.TryGetValue(p.Key, out var value) && value == p.Value);
}
