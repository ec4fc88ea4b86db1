using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// Where another program of the product is: named by a variable, beside this one, in a sibling's output folder, or in the folder
/// beside this one's where <c>./grid publish</c> put it.
/// </summary>
public static class ChildProgram
{
    /// <returns>The command that starts it: the program and its first arguments.</returns>
    /// <exception cref="GridException"><c>not_found</c>, with what to do.</exception>
    public static IReadOnlyList<string> Find(string program, string variable)
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        string?[] places =
        [
            Environment.GetEnvironmentVariable(variable), Path.Combine(here, program + ".dll"),
            Path.Combine(here, "..", "..", program, Path.GetFileName(here), program + ".dll"), Path.Combine(here, "..", program, program),
        ];
        return Command(places.FirstOrDefault(File.Exists)
            ?? throw new GridException(ErrorCodes.NotFound, $"{program} is not beside {here}; build it, or set {variable} to its path."));
    }

    public static IReadOnlyList<string> Command(string path) => path.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", Path.GetFullPath(path)] : [Path.GetFullPath(path)];
}
