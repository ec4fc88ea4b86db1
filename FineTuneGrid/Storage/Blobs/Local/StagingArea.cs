using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// The folder where one process prepares its files before they are published: <c>{root}/@staging/{nonce}</c>, marked as
/// alive by a lock on <c>{nonce}.lock</c>. Whoever comes later removes the folders of the dead.
/// </summary>
internal sealed class StagingArea : IDisposable
{
    private static readonly TimeSpan StrayLockAge = TimeSpan.FromHours(1);

    private readonly string _folder;
    private readonly FileStream _lock;

    private StagingArea(string folder, FileStream heldLock)
    {
        _folder = folder;
        _lock = heldLock;
    }

    public static StagingArea Create(string root)
    {
        var parent = Path.Combine(root, "@staging");
        Directory.CreateDirectory(parent);
        SweepDead(parent);
        var folder = Path.Combine(parent, $"{Environment.ProcessId}-{Guid.NewGuid():N}");
        // The lock comes first: a folder whose lock is free or gone belongs to nobody.
        var held = new FileStream(folder + ".lock", FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        var area = new StagingArea(folder, held);
        try
        {
            Directory.CreateDirectory(folder);
            area.ProbeHardLinks(root);
            return area;
        }
        catch
        {
            area.Dispose();
            throw;
        }
    }

    /// <summary>A path in the staging folder that nothing has yet.</summary>
    public string NewPath() => Path.Combine(_folder, Guid.NewGuid().ToString("N"));

    public void Dispose()
    {
        DeleteFolder(_folder);
        File.Delete(_folder + ".lock");
        _lock.Dispose();
    }

    private void ProbeHardLinks(string root)
    {
        using var directory = Posix.OpenDirectory(_folder, out _)
            ?? throw new GridException(ErrorCodes.InvalidValue, $"The data directory '{root}' cannot be written; check its owner and permissions.", "data");
        var errno = Posix.LinkInto(_folder + ".lock", directory, "probe");
        if (errno is Posix.Enospc or Posix.Edquot)
            throw Posix.Error(errno, "link", root);
        if (errno != 0)
            throw new GridException(ErrorCodes.InvalidValue, $"The file system of '{root}' has no hard links (errno {errno}); choose a data directory on ext4, xfs, btrfs or a similar file system.", "data");
        Posix.Unlink(directory, "probe");
    }

    private static void SweepDead(string parent)
    {
        foreach (var folder in Directory.GetDirectories(parent))
        {
            if (TryTakeLock(folder + ".lock", out var taken))
            {
                using (taken)
                {
                    DeleteFolder(folder);
                    File.Delete(folder + ".lock");
                }
            }
        }
        foreach (var stray in Directory.GetFiles(parent, "*.lock"))
        {
            // A young lock without a folder may be that of a process that is just starting.
            var isOld = DateTime.UtcNow - File.GetLastWriteTimeUtc(stray) > StrayLockAge;
            if (isOld && !Directory.Exists(stray[..^".lock".Length]) && TryTakeLock(stray, out var taken))
            {
                using (taken)
                    File.Delete(stray);
            }
        }
    }

    /// <summary>True where nobody holds the lock; <paramref name="taken"/> is null where even the lock file is gone.</summary>
    private static bool TryTakeLock(string path, out FileStream? taken)
    {
        taken = null;
        try
        {
            taken = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (FileNotFoundException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Held by a living process, or owned by another user: not ours to remove.
            return false;
        }
    }

    private static void DeleteFolder(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Another process swept it at the same moment.
        }
    }
}
