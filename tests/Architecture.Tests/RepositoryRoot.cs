namespace FineTuneGrid.Architecture.Tests;

internal static class RepositoryRoot
{
    public static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "FineTuneGrid.slnx"))) return directory.FullName;
        }
        throw new DirectoryNotFoundException("FineTuneGrid.slnx was not found above the test's folder");
    }
}
