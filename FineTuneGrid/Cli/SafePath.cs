namespace FineTuneGrid.Cli;

/// <summary>Names that come from a server never leave the folder that the user chose.</summary>
public static class SafePath
{
    public static string Check(string path)
    {
        var parts = path.Split('/');
        if (path.Length is 0 or > 500 || path.Contains('\\') || path.Contains(':') || path.Any(char.IsControl) || parts.Any(p => p is "" or "." or ".."))
            throw new CliException($"the server names a file that no folder may hold: '{path}'");
        return path;
    }
}
