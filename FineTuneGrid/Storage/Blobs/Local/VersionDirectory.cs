using System.Globalization;
using System.IO.Enumeration;
using Microsoft.Win32.SafeHandles;

namespace FineTuneGrid.Storage;

/// <summary>
/// The directory that holds the versions of one key, held open, so that all calls concern this directory even if the key is
/// deleted and written anew meanwhile. Entries: versions (16 hex digits; the highest is the current one; a symbolic link is
/// a tombstone: the key was deleted) and tickets (<c>t-</c>...).
/// <para>
/// The rules that make a no-clobber link an honest compare-and-swap although old versions are removed:
/// a writer first places a ticket (a second name of its staged file), only then looks for the current version n, and then
/// links ticket -> n+1. A collector, which knows of a version m, first removes all tickets it sees and only then versions
/// below m, in ascending order. So whoever looked before m appeared has lost its ticket before the name it aims at can
/// become free again; and a version that is still there after the listing was the highest when the listing began.
/// Nobody ever waits for anybody: a process that stops in the middle leaves at most a ticket behind.
/// </para>
/// </summary>
internal sealed class VersionDirectory : IDisposable
{
    private const string TicketPrefix = "t-";
    private const string TombstoneTarget = "deleted";

    private static readonly EnumerationOptions AllEntries = new() { AttributesToSkip = 0, RecurseSubdirectories = false };

    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private VersionDirectory(SafeFileHandle handle, string path)
    {
        _handle = handle;
        _path = path;
    }

    public static VersionDirectory? TryOpen(string path)
    {
        var handle = Posix.OpenDirectory(path, out var errno);
        if (handle is not null)
            return new VersionDirectory(handle, path);
        return errno is Posix.Enoent or Posix.Enotdir ? null : throw Posix.Error(errno, "open", path);
    }

    public static string NameOf(ulong version) => version.ToString("x16", CultureInfo.InvariantCulture);

    /// <param name="file">Where the version's file lies now.</param>
    public static BlobInfo InfoOf(string key, ulong version, string file)
    {
        var found = new FileInfo(file);
        return new(key, found.Length, NameOf(version), new DateTimeOffset(found.LastWriteTimeUtc));
    }

    /// <summary>
    /// The current version, its file opened. Null where the directory holds none: it is being removed. A null file is a tombstone.
    /// </summary>
    public CurrentVersion? OpenCurrent()
    {
        while (true)
        {
            var highest = Entries().Select(ParseVersion).Max();
            if (highest is not { } version)
                return null;
            var file = Posix.OpenFile(_handle, NameOf(version), out var errno);
            if (file is not null || errno == Posix.Eloop)
                return new CurrentVersion(version, file);
            // Collected since the listing, so there is a higher one now.
            if (errno != Posix.Enoent)
                throw Posix.Error(errno, "open", Path.Combine(_path, NameOf(version)));
        }
    }

    /// <summary>Places a ticket for a staged file; null when this directory was removed meanwhile.</summary>
    public string? TryPlaceTicket(string stagedPath)
    {
        var ticket = NewTicketName();
        return PlacedTicket(ticket, Posix.LinkInto(stagedPath, _handle, ticket), stagedPath);
    }

    /// <summary>Places a ticket for a deletion.</summary>
    public string? TryPlaceTombstoneTicket()
    {
        var ticket = NewTicketName();
        return PlacedTicket(ticket, Posix.Symlink(TombstoneTarget, _handle, ticket), stagedPath: null);
    }

    /// <summary>Publishes the ticket's file as <paramref name="version"/>, durably, unless that version exists or the ticket was taken away.</summary>
    public PublishResult TryPublish(string ticket, ulong version)
    {
        switch (Posix.LinkWithin(_handle, ticket, NameOf(version)))
        {
            case 0:
                Posix.Sync(_handle, _path);
                return PublishResult.Published;
            case Posix.Eexist:
                RemoveTicket(ticket);
                return PublishResult.Lost;
            case Posix.Enoent:
                return PublishResult.TryAgain;
            case var errno:
                RemoveTicket(ticket);
                throw Posix.Error(errno, "publish", Path.Combine(_path, NameOf(version)));
        }
    }

    public void RemoveTicket(string ticket) => Unlink(ticket);

    /// <summary>Removes all tickets and every version below <paramref name="current"/>, which must have been seen to exist.</summary>
    public void Collect(ulong current)
    {
        RemoveTickets();
        foreach (var version in Entries().Select(ParseVersion).OfType<ulong>().Where(v => v < current).Order().ToList())
            Unlink(NameOf(version));
    }

    /// <summary>Removes a tombstoned directory unless someone wrote to it since; what remains is the next writer's.</summary>
    public void Purge(ulong tombstone)
    {
        Collect(tombstone);
        Unlink(NameOf(tombstone));
        Posix.RemoveDirectory(_path);
    }

    /// <summary>Removes a directory without versions: the rest of an interrupted <see cref="Purge"/>.</summary>
    public void RemoveRest()
    {
        RemoveTickets();
        Posix.RemoveDirectory(_path);
    }

    public void Dispose() => _handle.Dispose();

    private void RemoveTickets()
    {
        foreach (var ticket in Entries().Where(name => name.StartsWith(TicketPrefix, StringComparison.Ordinal)).ToList())
            Unlink(ticket);
    }

    private List<string> Entries()
    {
        using var lease = new Posix.HandleLease(_handle);
        try
        {
            return [.. new FileSystemEnumerable<string>($"/proc/self/fd/{lease.Descriptor}", (ref FileSystemEntry e) => e.FileName.ToString(), AllEntries)];
        }
        catch (DirectoryNotFoundException)
        {
            // A removed directory that is still open has no entries.
            return [];
        }
    }

    private void Unlink(string name)
    {
        var errno = Posix.Unlink(_handle, name);
        if (errno is not (0 or Posix.Enoent))
            throw Posix.Error(errno, "remove", Path.Combine(_path, name));
    }

    private string? PlacedTicket(string ticket, int errno, string? stagedPath)
    {
        if (errno == 0)
            return ticket;
        if (errno == Posix.Enoent && (stagedPath is null || File.Exists(stagedPath)))
            return null;
        throw Posix.Error(errno, "link", stagedPath ?? _path);
    }

    private static string NewTicketName() => TicketPrefix + Guid.NewGuid().ToString("N");

    private static ulong? ParseVersion(string name) =>
        name.Length == 16 && ulong.TryParse(name, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var version) ? version : null;
}

internal enum PublishResult
{
    Published,

    /// <summary>Another writer published this version first.</summary>
    Lost,

    /// <summary>The ticket was collected: look at the current version again.</summary>
    TryAgain,
}

/// <param name="File">Open for reading; null for a tombstone.</param>
internal readonly record struct CurrentVersion(ulong Version, SafeFileHandle? File) : IDisposable
{
    public string? ETag => File is null ? null : VersionDirectory.NameOf(Version);

    public void Dispose() => File?.Dispose();
}
