using System.IO.Enumeration;

namespace FineTuneGrid.Storage;

/// <summary>Walks the directory tree of a <see cref="LocalBlobStore"/> in ordinal order of keys.</summary>
internal static class LocalListing
{
    /// <summary>Ends the name of the directory that holds the versions of a key.</summary>
    public const char KeySuffix = '@';

    private static readonly EnumerationOptions AllEntries = new() { AttributesToSkip = 0, RecurseSubdirectories = false };

    public static IEnumerable<string> Keys(string root, string prefix)
    {
        var slash = prefix.LastIndexOf('/');
        return Below(root, prefix[..(slash + 1)], prefix[(slash + 1)..]);
    }

    /// <param name="folder">A key prefix that is empty or ends with a slash.</param>
    /// <param name="start">What the next segment must start with.</param>
    private static IEnumerable<string> Below(string root, string folder, string start)
    {
        // "a/" sorts behind "a-b" and before "a0", as the keys below it do: so names of folders are compared with their slash.
        foreach (var name in Children(Path.Combine(root, folder), start))
        {
            if (name[^1] == '/')
            {
                foreach (var key in Below(root, folder + name, ""))
                    yield return key;
            }
            else
            {
                yield return folder + name;
            }
        }
    }

    private static List<string> Children(string directory, string start)
    {
        try
        {
            var entries = new FileSystemEnumerable<string>(directory, (ref FileSystemEntry e) => e.FileName.ToString(), AllEntries)
            {
                ShouldIncludePredicate = (ref FileSystemEntry e) => e.FileName.StartsWith(start) && e.FileName[0] != KeySuffix,
            };
            var names = entries.Select(name => name[^1] == KeySuffix ? name[..^1] : name + "/").ToList();
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }
}
