namespace FineTuneGrid.Client;

/// <summary>Names that come from a server never leave the folder that the user chose.</summary>
public static class SafePath
{
    /// <exception cref="TransferException">The name leads outside, or is none.</exception>
    public static string Check(string path)
    {
        var parts = path.Split('/');
        if (path.Length is 0 or > 500 || path.Contains('\\') || path.Contains(':') || path.Any(char.IsControl) || parts.Any(p => p is "" or "." or ".."))
            throw new TransferException($"the server names a file that no folder may hold: '{path}'");
        return path;
    }

    /// <summary>The path as a part of an address.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
