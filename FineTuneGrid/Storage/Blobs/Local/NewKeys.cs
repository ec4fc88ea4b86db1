using System.Security.Cryptography;

namespace FineTuneGrid.Storage;

/// <summary>The first version of a key: its directory is prepared aside, with the version in it, and renamed into place.</summary>
/// <param name="newPath">A path in the staging folder that nothing has yet.</param>
internal sealed class NewKeys(Func<string> newPath)
{
    private readonly DirectoryFlushes _flushes = new(Posix.SyncDirectory);

    /// <summary>
    /// Null where the key has a directory by then. The version's own directory and the one around it are flushed beside each other
    /// after the renaming: until both are, a power cut may take the key away again, or leave it without versions, which is as good.
    /// </summary>
    /// <param name="target">The key's directory.</param>
    /// <param name="fill">Makes the version's file at the path, flushed.</param>
    public Written? TryCreate(string key, string target, Action<string> fill)
    {
        var prepared = newPath();
        var parent = Path.GetDirectoryName(target)!;
        // A random start: numbers are never used again after a deletion, so an ETag names one version for ever.
        var first = (BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) >> 1) | 1;
        var file = Path.Combine(prepared, VersionDirectory.NameOf(first));
        var published = false;
        Directory.CreateDirectory(prepared);
        try
        {
            fill(file);
            var info = VersionDirectory.InfoOf(key, first, file);
            using var directory = Posix.OpenDirectory(prepared, out var openError) ?? throw Posix.Error(openError, "open", prepared);
            LocalDirectories.CreateDurably(parent);
            var errno = Posix.Rename(prepared, target);
            if (errno is not (0 or Posix.Enotempty or Posix.Eexist or Posix.Enoent))
                throw Posix.Error(errno, "create", target);
            published = errno == 0;
            if (!published)
                return null;
            var flushed = _flushes.FlushAsync(parent);
            Posix.Sync(directory, target);
            return new Written(info, flushed);
        }
        finally
        {
            if (!published)
                Directory.Delete(prepared, recursive: true);
        }
    }
}

/// <param name="Durable">Completes when the version is.</param>
internal readonly record struct Written(BlobInfo Info, Task Durable);
