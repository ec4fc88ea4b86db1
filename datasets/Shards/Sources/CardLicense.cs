using System.Text;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards;

/// <summary>
/// The licence that a folder's own README.md states in its front matter (the YAML between two lines of <c>---</c> at its
/// beginning), as model hubs write it: <c>license: apache-2.0</c>, a list of them, or <c>other</c> with a <c>license_name</c>.
/// </summary>
public static class CardLicense
{
    private const string FileName = "README.md";
    private const int MaximumBytes = 64 << 10;
    private const int LongestName = 96;
    private const int MostNames = 8;

    /// <summary>The licence; null where the folder has no README.md, or that states none.</summary>
    public static async Task<string?> ReadAsync(IBlobStore store, IEnumerable<SourceFile> files, CancellationToken cancellation = default)
    {
        if (files.FirstOrDefault(f => f.Path == FileName) is not { } card || await store.OpenReadAsync(card.Key, cancellation: cancellation) is not { } content)
            return null;
        await using (content)
        {
            var bytes = new byte[MaximumBytes];
            var count = await content.Stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation);
            return Find(Encoding.UTF8.GetString(bytes, 0, count));
        }
    }

    /// <param name="card">The beginning of a README.md.</param>
    public static string? Find(string card)
    {
        var lines = card.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        var end = lines[0].TrimEnd() == "---" ? Array.FindIndex(lines, 1, l => l.TrimEnd() == "---") : -1;
        if (end < 0)
            return null;
        var header = lines[1..end];
        var names = Values(header, "license");
        if (names is ["other"] && Values(header, "license_name") is [var own])
            return own;
        return names.Count is > 0 and <= MostNames ? string.Join(", ", names) : null;
    }

    /// <summary>A key's value, or the items of its list; none where it is absent or not in a form that names are written in.</summary>
    private static List<string> Values(string[] header, string key)
    {
        var at = Array.FindIndex(header, l => l.StartsWith(key + ":", StringComparison.Ordinal));
        if (at < 0)
            return [];
        var rest = WithoutComment(header[at][(key.Length + 1)..]);
        IEnumerable<string> items = rest switch
        {
            "" => header.Skip(at + 1).Select(l => l.TrimStart()).TakeWhile(l => l.StartsWith("- ", StringComparison.Ordinal)).Select(l => WithoutComment(l[2..])),
            ['[', .. var list, ']'] => list.Split(',').Select(i => i.Trim()),
            _ => [rest],
        };
        var names = items.Select(Unquoted).ToList();
        return names.TrueForAll(IsName) ? names : [];
    }

    private static string WithoutComment(string value) => value.Split(" #")[0].Trim();

    private static string Unquoted(string value) => value is ['"', .. var a, '"'] ? a : value is ['\'', .. var b, '\''] ? b : value;

    private static bool IsName(string name) =>
        name.Length is > 0 and <= LongestName && name.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '.' or '+' or '-' or '_' or '(' or ')');
}
