using FineTuneGrid.Contracts;

namespace FineTuneGrid.Agent;

/// <summary>Small JSON files that are seen whole or not at all, also after a crash of the machine.</summary>
internal static class AtomicFile
{
    public static void Write<T>(string path, T value)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(GridJson.ToBytes(value));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Null where there is no such file.</summary>
    public static T? TryRead<T>(string path)
        where T : class
    {
        try
        {
            return GridJson.Parse<T>(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    public static void MakePrivateDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
