using FineTuneGrid.Contracts;

namespace FineTuneGrid.Host;

/// <summary>Where the other programs of the product are: named by a variable, beside this one, or in a sibling's output folder.</summary>
internal static class ChildPrograms
{
    public static IReadOnlyList<string> Inspector() => Find("FineTuneGrid.Inspector", "FTG_INSPECTOR");

    public static IReadOnlyList<string> Trainer() => Find("FineTuneGrid.Trainer", "FTG_TRAINER");

    public static IReadOnlyList<string> Self() => Command(Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Host.dll"));

    private static IReadOnlyList<string> Find(string program, string variable)
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        string?[] places =
        [
            Environment.GetEnvironmentVariable(variable), Path.Combine(here, program + ".dll"),
            Path.Combine(here, "..", "..", program, Path.GetFileName(here), program + ".dll"),
        ];
        return Command(places.FirstOrDefault(File.Exists)
            ?? throw new GridException(ErrorCodes.NotFound, $"{program} is not beside {here}; build it, or set {variable} to its path."));
    }

    private static IReadOnlyList<string> Command(string path) => path.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", Path.GetFullPath(path)] : [Path.GetFullPath(path)];
}
