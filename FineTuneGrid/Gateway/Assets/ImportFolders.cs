using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>Server-side files that may be imported by path: those that really lie below a configured root, links followed.</summary>
public static class ImportFolders
{
    private const int MaxLinks = 40;

    /// <returns>The file, or the folder's own files in ordinal order.</returns>
    /// <exception cref="GridException"><c>forbidden</c>, <c>not_found</c> or <c>missing_field</c>, naming <c>path</c>.</exception>
    public static IReadOnlyList<string> Files(IReadOnlyList<string> roots, string? path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0') || !Path.IsPathFullyQualified(path))
            throw new GridException(ErrorCodes.MissingField, "path is required: an absolute path on the server.", "path");
        var full = Path.GetFullPath(path);
        // Asked before looking: whether other files of the server exist is nobody's business.
        if (!IsBelow(full, roots)) throw Outside(path);
        string[] files = Directory.Exists(full) ? [.. Directory.EnumerateFiles(full).Order(StringComparer.Ordinal)] : File.Exists(full) ? [full] : [];
        if (files.Length == 0) throw new GridException(ErrorCodes.NotFound, $"There are no files at {path}.", "path");
        return files.FirstOrDefault(f => !IsBelow(f, roots)) is { } link ? throw Outside(link) : files;
    }

    private static bool IsBelow(string path, IReadOnlyList<string> roots)
    {
        var real = RealPath(path, 0);
        return roots.Any(root => real.StartsWith(RealPath(root, 0).TrimEnd('/') + "/", StringComparison.Ordinal));
    }

    /// <summary>The path without any link in it, whichever of its parts is one.</summary>
    private static string RealPath(string path, int links)
    {
        var real = "/";
        foreach (var part in Path.GetFullPath(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Combine(real, part);
            if (new FileInfo(real).LinkTarget is not { } target) continue;
            if (links >= MaxLinks) throw Outside(path);
            real = RealPath(Path.Combine(Path.GetDirectoryName(real)!, target), links + 1);
        }
        return real;
    }

    private static GridException Outside(string path) =>
        new(ErrorCodes.Forbidden, $"{path} lies below none of the configured import folders.", "path");
}
