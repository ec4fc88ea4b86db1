using FineTuneGrid.Architecture.Tests;

namespace FineTuneGrid.Deploy;

/// <summary>Files of the repository, by paths from its root with forward slashes.</summary>
internal static class Repository
{
    private static readonly string[] Made = [".git", ".grid", "artifacts", "data", "bin", "obj", "node_modules"];

    public static string Root { get; } = RepositoryRoot.Find();

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(Path(relative));

    public static bool Has(string relative) => System.IO.Path.Exists(Path(relative));

    /// <summary>Everything but what builds make.</summary>
    public static IEnumerable<string> Files(string folder = "")
    {
        foreach (var file in Directory.EnumerateFiles(Path(folder)))
            yield return System.IO.Path.GetRelativePath(Root, file);
        foreach (var inner in Directory.EnumerateDirectories(Path(folder)).Where(d => !Made.Contains(System.IO.Path.GetFileName(d))))
            foreach (var file in Files(System.IO.Path.GetRelativePath(Root, inner)))
                yield return file;
    }
}
