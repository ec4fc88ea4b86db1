namespace FineTuneGrid.Storage;

internal static class LocalDirectories
{
    /// <summary>Creates the directory and its parents; each new one is flushed into its parent, so that it survives a power cut.</summary>
    public static void CreateDurably(string path)
    {
        while (true)
        {
            if (Directory.Exists(path))
                return;
            var parent = Path.GetDirectoryName(path);
            if (parent is not null)
                CreateDurably(parent);
            var errno = Posix.MakeDirectory(path);
            if (errno == 0 && parent is not null)
                Posix.SyncDirectory(parent);
            if (errno == 0)
                return;
            // EEXIST: another process made it. ENOENT: a deletion removed the empty parent again. Both: look again.
            if (errno is not (Posix.Eexist or Posix.Enoent) || File.Exists(path))
                throw Posix.Error(errno, "create", path);
        }
    }
}
