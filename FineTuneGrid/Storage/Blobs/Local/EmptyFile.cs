using System.Diagnostics;

namespace FineTuneGrid.Storage;

/// <summary>
/// New blobs that are empty, such as marks, are names of one flushed file, which spares each an inode and a flush. No file of a
/// store is ever written to again, so that nobody can tell; the file is a new one every second, as its time is the blobs'.
/// </summary>
/// <param name="newPath">A path that nothing has yet.</param>
/// <param name="make">Makes an empty file there, flushed.</param>
internal sealed class EmptyFile(Func<string> newPath, Action<string> make)
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private string? _path;
    private long _made;

    /// <summary>Makes an empty file at <paramref name="path"/>, where nothing is.</summary>
    public void LinkAt(string path)
    {
        lock (_gate)
        {
            if (_path is not null && Stopwatch.GetElapsedTime(_made) < Freshness)
            {
                var errno = Posix.Link(_path, path);
                if (errno == 0)
                    return;
                // It has as many names as it can have, or somebody took the folder away.
                if (errno is not (Posix.Emlink or Posix.Enoent))
                    throw Posix.Error(errno, "link", path);
            }
            Renew();
            var again = Posix.Link(_path!, path);
            if (again != 0)
                throw Posix.Error(again, "link", path);
        }
    }

    private void Renew()
    {
        var (fresh, old) = (newPath(), _path);
        make(fresh);
        (_path, _made) = (fresh, Stopwatch.GetTimestamp());
        if (old is not null)
            File.Delete(old);
    }
}
