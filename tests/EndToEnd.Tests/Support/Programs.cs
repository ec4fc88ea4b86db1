namespace FineTuneGrid.EndToEnd;

/// <summary>Where the built programs and the repository's files are: the same places that <c>./grid</c> uses.</summary>
internal static class Programs
{
    private static readonly string Here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);

    public static string Host => Output("FineTuneGrid.Host", "FineTuneGrid.Host.dll");

    public static string Cli => Output("FineTuneGrid.Cli", "ftg.dll");

    public static string Chaos => Output("FineTuneGrid.Chaos", "FineTuneGrid.Chaos.dll");

    public static string Repository { get; } = FindRepository();

    private static string Output(string project, string file)
    {
        var path = Path.GetFullPath(Path.Combine(Here, "..", "..", project, Path.GetFileName(Here), file));
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is not built");
    }

    private static string FindRepository()
    {
        for (var up = new DirectoryInfo(Here); up is not null; up = up.Parent)
            if (File.Exists(Path.Combine(up.FullName, "FineTuneGrid.slnx"))) return up.FullName;
        throw new InvalidOperationException($"{Here} lies in no checkout of the repository");
    }
}
