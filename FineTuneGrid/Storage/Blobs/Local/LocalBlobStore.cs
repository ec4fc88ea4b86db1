using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// Blobs in a directory of this machine, shared by any number of processes. The versions of the key <c>a/b</c> are files in
/// the directory <c>a/b@</c> (no key holds an '@'); see <see cref="VersionDirectory"/> for how one is published. Needs
/// Linux and a file system with hard links.
/// </summary>
public sealed class LocalBlobStore : IBlobStore, IDisposable
{
    private const int CopyBufferBytes = 1 << 20;

    private readonly string _root;
    private readonly Lock _stagingGate = new();
    private readonly Func<Stream, Stream> _wrapStaged;
    private readonly NewKeys _newKeys;
    private readonly EmptyFile _empty;
    private StagingArea? _staging;

    public LocalBlobStore(string root)
        : this(root, stream => stream)
    {
    }

    /// <param name="wrapStaged">For tests: stands between the store and the file that it stages.</param>
    internal LocalBlobStore(string root, Func<Stream, Stream> wrapStaged)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("The local blob store needs Linux.");
        _root = Path.GetFullPath(root);
        _wrapStaged = wrapStaged;
        _newKeys = new NewKeys(() => Staging().NewPath());
        _empty = new EmptyFile(() => Staging().NewPath(), path => Stage(path, new ReadOnlyMemoryStream(default)));
    }

    public string Root => _root;

    public ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        using var current = OpenCurrent(key);
        return new(current?.File is null ? null : InfoOf(key, current.Value));
    }

    public Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (length is { } wanted)
            ArgumentOutOfRangeException.ThrowIfNegative(wanted, nameof(length));
        cancellation.ThrowIfCancellationRequested();
        if (OpenCurrent(key) is not { File: { } file } current)
            return Task.FromResult<BlobContent?>(null);
        try
        {
            var info = InfoOf(key, current);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, info.Length);
            var count = Math.Min(length ?? long.MaxValue, info.Length - offset);
            return Task.FromResult<BlobContent?>(new BlobContent(info, new FileRangeStream(file, offset, count)));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        BlobKey.Validate(key);
        ArgumentNullException.ThrowIfNull(content);
        cancellation.ThrowIfCancellationRequested();
        try
        {
            var written = content is ReadOnlyMemoryStream memory
                ? await DiskThreads.RunAsync(() => WriteMemory(key, memory, condition))
                : await WriteStreamAsync(key, content, condition, cancellation);
            await written.Durable;
            return written.Info;
        }
        catch (IOException e) when (DiskErrors.IsDiskFull(e))
        {
            throw DiskErrors.Translate(e, _root);
        }
    }

    public Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default)
    {
        BlobKey.Validate(key);
        cancellation.ThrowIfCancellationRequested();
        return DiskThreads.RunAsync(() => Delete(key, ifMatch));
    }

    public async IAsyncEnumerable<BlobInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        BlobKey.ValidatePrefix(prefix);
        foreach (var key in LocalListing.Keys(_root, prefix))
        {
            cancellation.ThrowIfCancellationRequested();
            if (await StatAsync(key, cancellation) is { } info)
                yield return info;
        }
    }

    public Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        if (OpenCurrent(key) is not { File: { } file } current)
            return Task.FromResult<LocalFile?>(null);
        var path = Path.Combine(DirectoryOf(key), VersionDirectory.NameOf(current.Version));
        return Task.FromResult<LocalFile?>(new LocalFile(InfoOf(key, current), path, file));
    }

    public void Dispose()
    {
        lock (_stagingGate)
        {
            _staging?.Dispose();
            _staging = null;
        }
    }

    private async Task<Written> WriteStreamAsync(string key, Stream content, WriteCondition condition, CancellationToken cancellation)
    {
        if (condition != WriteCondition.None)
        {
            // A write that is bound to fail need not copy its content first.
            using var current = OpenCurrent(key);
            Check(key, current?.ETag, condition);
        }
        var staged = Staging().NewPath();
        try
        {
            await StageAsync(staged, content, cancellation);
            return await DiskThreads.RunAsync(() => Publish(key, staged, condition));
        }
        finally
        {
            File.Delete(staged);
        }
    }

    /// <summary>What is in memory anyway needs no thread but the disk's; as a new key's first version it is written where it will lie.</summary>
    private Written WriteMemory(string key, ReadOnlyMemoryStream content, WriteCondition condition)
    {
        var start = content.Position;
        using (var directory = VersionDirectory.TryOpen(DirectoryOf(key)))
        {
            if (condition != WriteCondition.None)
            {
                using var current = directory?.OpenCurrent();
                Check(key, current?.ETag, condition);
            }
            if (directory is null && _newKeys.TryCreate(key, DirectoryOf(key), start == content.Length ? _empty.LinkAt : path => Stage(path, content)) is { } created)
                return created;
        }
        var staged = Staging().NewPath();
        try
        {
            content.Position = start;
            Stage(staged, content);
            return Publish(key, staged, condition);
        }
        finally
        {
            File.Delete(staged);
        }
    }

    private Written Publish(string key, string staged, WriteCondition condition)
    {
        while (true)
        {
            using var directory = VersionDirectory.TryOpen(DirectoryOf(key));
            if (directory is null)
            {
                Check(key, current: null, condition);
                if (_newKeys.TryCreate(key, DirectoryOf(key), path => Link(staged, path)) is { } created)
                    return created;
                continue;
            }
            if (directory.TryPlaceTicket(staged) is not { } ticket)
                continue;
            using var current = directory.OpenCurrent();
            if (current is null)
            {
                directory.RemoveRest();
                continue;
            }
            if (Fails(current.Value.ETag, condition))
            {
                directory.RemoveTicket(ticket);
                throw new BlobConflictException(key, condition, current.Value.ETag);
            }
            var next = current.Value.Version + 1;
            switch (directory.TryPublish(ticket, next))
            {
                case PublishResult.Published:
                    directory.Collect(next);
                    return new Written(VersionDirectory.InfoOf(key, next, staged), Task.CompletedTask);
                case PublishResult.Lost when condition != WriteCondition.None:
                    throw new BlobConflictException(key, condition, currentETag: null);
            }
        }
    }

    private bool Delete(string key, string? ifMatch)
    {
        var condition = ifMatch is null ? WriteCondition.None : WriteCondition.IfMatch(ifMatch);
        while (true)
        {
            using var directory = VersionDirectory.TryOpen(DirectoryOf(key));
            if (directory?.TryPlaceTombstoneTicket() is not { } ticket)
            {
                if (directory is null)
                    return false;
                continue;
            }
            using var current = directory.OpenCurrent();
            if (current?.File is null)
            {
                // Deleted already; finish what the one who did it may have left.
                directory.RemoveTicket(ticket);
                if (current is null)
                    directory.RemoveRest();
                else
                    directory.Purge(current.Value.Version);
                RemoveEmptyParents(key);
                return false;
            }
            if (Fails(current.Value.ETag, condition))
            {
                directory.RemoveTicket(ticket);
                throw new BlobConflictException(key, condition, current.Value.ETag);
            }
            switch (directory.TryPublish(ticket, current.Value.Version + 1))
            {
                case PublishResult.Published:
                    directory.Purge(current.Value.Version + 1);
                    RemoveEmptyParents(key);
                    return true;
                case PublishResult.Lost when ifMatch is not null:
                    throw new BlobConflictException(key, condition, currentETag: null);
            }
        }
    }

    private async Task StageAsync(string staged, Stream content, CancellationToken cancellation)
    {
        var file = new FileStream(staged, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous);
        await using var target = _wrapStaged(file);
        await content.CopyToAsync(target, CopyBufferBytes, cancellation);
        await target.FlushAsync(cancellation);
        await DiskThreads.RunAsync(() => RandomAccess.FlushToDisk(file.SafeFileHandle));
    }

    private void Stage(string staged, ReadOnlyMemoryStream content)
    {
        var file = new FileStream(staged, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        using var target = _wrapStaged(file);
        content.CopyTo(target, CopyBufferBytes);
        target.Flush();
        RandomAccess.FlushToDisk(file.SafeFileHandle);
    }

    private static void Link(string staged, string path)
    {
        var errno = Posix.Link(staged, path);
        if (errno != 0)
            throw Posix.Error(errno, "link", path);
    }

    private StagingArea Staging()
    {
        lock (_stagingGate)
        {
            return _staging ??= OpenStaging();
        }
    }

    private StagingArea OpenStaging()
    {
        try
        {
            LocalDirectories.CreateDurably(_root);
            return StagingArea.Create(_root);
        }
        catch (Exception e) when (e is UnauthorizedAccessException || e is IOException io && !DiskErrors.IsDiskFull(io))
        {
            throw new GridException(ErrorCodes.InvalidValue, $"The data directory '{_root}' cannot be written ({e.Message.TrimEnd('.')}); check its owner, permissions and parent directories.", "data", e);
        }
    }

    private CurrentVersion? OpenCurrent(string key)
    {
        BlobKey.Validate(key);
        using var directory = VersionDirectory.TryOpen(DirectoryOf(key));
        return directory?.OpenCurrent();
    }

    private void RemoveEmptyParents(string key)
    {
        var directory = Path.GetDirectoryName(DirectoryOf(key))!;
        while (directory.Length > _root.Length && Posix.RemoveDirectory(directory) == 0)
            directory = Path.GetDirectoryName(directory)!;
    }

    private string DirectoryOf(string key) => Path.Combine(_root, key) + LocalListing.KeySuffix;

    private static bool Fails(string? current, WriteCondition condition) =>
        condition.MustBeAbsent ? current is not null : condition.ETag is not null && condition.ETag != current;

    private static void Check(string key, string? current, WriteCondition condition)
    {
        if (Fails(current, condition))
            throw new BlobConflictException(key, condition, current);
    }

    private static BlobInfo InfoOf(string key, CurrentVersion current) =>
        new(key, RandomAccess.GetLength(current.File!), current.ETag!, new DateTimeOffset(File.GetLastWriteTimeUtc(current.File!)));
}
