using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FineTuneGrid.Storage;

/// <summary>The few file system calls that .NET does not offer: links relative to an open directory, and its fsync.</summary>
internal static partial class Posix
{
    public const int Enoent = 2;
    public const int Eexist = 17;
    public const int Enotdir = 20;
    public const int Enospc = 28;
    public const int Emlink = 31;
    public const int Enotempty = 39;
    public const int Eloop = 40;
    public const int Edquot = 122;

    private const int AtFdCwd = -100;
    private const int ReadOnly = 0;
    private const int CloseOnExec = 0x80000;

    // These two flags are among the few whose values differ between the architectures of Linux.
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
    private static readonly int DirectoryOnly = IsArm ? 0x4000 : 0x10000;
    private static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;

    /// <summary>Opens a directory; null and the errno where that fails.</summary>
    public static SafeFileHandle? OpenDirectory(string path, out int errno) =>
        Wrap(openat(AtFdCwd, path, ReadOnly | DirectoryOnly | CloseOnExec, 0), out errno);

    /// <summary>Opens a file of the directory for reading; a symbolic link is refused with ELOOP.</summary>
    public static SafeFileHandle? OpenFile(SafeFileHandle directory, string name, out int errno)
    {
        using var lease = new HandleLease(directory);
        return Wrap(openat(lease.Descriptor, name, ReadOnly | NoFollow | CloseOnExec, 0), out errno);
    }

    /// <summary>Gives the file at <paramref name="path"/> a further name in the directory. Never replaces; returns 0 or the errno.</summary>
    public static int LinkInto(string path, SafeFileHandle directory, string name)
    {
        using var lease = new HandleLease(directory);
        return Errno(linkat(AtFdCwd, path, lease.Descriptor, name, 0));
    }

    /// <summary>Gives the file a further name. Never replaces; returns 0 or the errno.</summary>
    public static int Link(string path, string to) => Errno(linkat(AtFdCwd, path, AtFdCwd, to, 0));

    /// <summary>Gives an entry of the directory (a symbolic link too, itself) a further name there. Never replaces; returns 0 or the errno.</summary>
    public static int LinkWithin(SafeFileHandle directory, string from, string to)
    {
        using var lease = new HandleLease(directory);
        return Errno(linkat(lease.Descriptor, from, lease.Descriptor, to, 0));
    }

    public static int Symlink(string target, SafeFileHandle directory, string name)
    {
        using var lease = new HandleLease(directory);
        return Errno(symlinkat(target, lease.Descriptor, name));
    }

    public static int Unlink(SafeFileHandle directory, string name)
    {
        using var lease = new HandleLease(directory);
        return Errno(unlinkat(lease.Descriptor, name, 0));
    }

    /// <summary>rename(2): a directory replaces an empty one, and fails on any other with ENOTEMPTY or EEXIST.</summary>
    public static int Rename(string from, string to) => Errno(rename(from, to));

    public static int MakeDirectory(string path) => Errno(mkdir(path, 0x1FF));

    public static int RemoveDirectory(string path) => Errno(rmdir(path));

    public static void Sync(SafeFileHandle directory, string path)
    {
        using var lease = new HandleLease(directory);
        if (fsync(lease.Descriptor) != 0)
            throw Error(Marshal.GetLastPInvokeError(), "flush", path);
    }

    public static void SyncDirectory(string path)
    {
        using var directory = OpenDirectory(path, out var errno);
        if (directory is not null)
            Sync(directory, path);
        else if (errno != Enoent)
            throw Error(errno, "open", path);
    }

    public static Exception Error(int errno, string verb, string path) =>
        DiskErrors.Translate(new IOException($"Could not {verb} '{path}': {Marshal.GetPInvokeErrorMessage(errno)}.", errno), path);

    private static SafeFileHandle? Wrap(int descriptor, out int errno)
    {
        errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static int Errno(int result) => result == 0 ? 0 : Marshal.GetLastPInvokeError();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int openat(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int linkat(int fromDirectory, string from, int toDirectory, string to, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int symlinkat(string target, int directory, string name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlinkat(int directory, string name, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rmdir(string path);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);

    /// <summary>Keeps a handle from being closed under a call that uses its number.</summary>
    internal readonly ref struct HandleLease
    {
        private readonly SafeFileHandle _handle;

        public HandleLease(SafeFileHandle handle)
        {
            var added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
        }

        public int Descriptor => (int)_handle.DangerousGetHandle();

        public void Dispose() => _handle.DangerousRelease();
    }
}
