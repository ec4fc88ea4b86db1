using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace FineTuneGrid.Deploy;

/// <summary>What an image build from the repository's root gets to see.</summary>
internal static class BuildContext
{
    private static readonly List<Regex> Ignored = [.. Repository.Read(".dockerignore").Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#').Select(Pattern)];

    public static bool Sees(string file) => !Ignored.Any(i => i.IsMatch(file));

    /// <summary>Folders of the projects that a project is built from.</summary>
    public static IReadOnlySet<string> ProjectsOf(IEnumerable<string> folders)
    {
        var found = new HashSet<string>();
        var open = new Stack<string>(folders);
        while (open.TryPop(out var next))
        {
            var folder = Path.GetRelativePath(Repository.Root, Path.GetFullPath(Repository.Path(next)));
            if (!found.Add(folder)) continue;
            var items = XDocument.Load(Product.ProjectFile(folder)).Descendants().ToList();
            foreach (var reference in items.Where(i => i.Name.LocalName == "ProjectReference").Select(i => (string)i.Attribute("Include")!))
                open.Push(Path.GetDirectoryName(reference.Contains("$(RepoRoot)", StringComparison.Ordinal) ? reference.Replace("$(RepoRoot)", "", StringComparison.Ordinal) : $"{folder}/{reference}")!);
            foreach (var package in items.Where(i => i.Name.LocalName == "GridPackage").Select(i => (string)i.Attribute("Include")!))
                open.Push($"deploy/airgap/{package}");
        }
        return found;
    }

    /// <summary>A line of .dockerignore: a path from the root, with * inside a name and ** over folders, and all below it.</summary>
    private static Regex Pattern(string line)
    {
        Assert.DoesNotContain(line, c => c is '!' or '?' or '[');
        var pattern = Regex.Escape(line).Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal);
        return new Regex($"^{pattern}(/.*)?$");
    }
}
