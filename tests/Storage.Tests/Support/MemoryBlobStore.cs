using System.Runtime.CompilerServices;

namespace FineTuneGrid.Storage.Tests;

/// <summary>A store without a disk, for tests that make thousands of operations. Held to the same conformance tests.</summary>
public sealed class MemoryBlobStore(string? localFolder = null) : IBlobStore
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, (BlobInfo Info, byte[] Bytes)> _blobs = new(StringComparer.Ordinal);
    private long _version;

    public ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default) => new(Find(key)?.Info);

    public Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length ?? 0, nameof(length));
        if (Find(key) is not var (info, bytes))
            return Task.FromResult<BlobContent?>(null);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, info.Length);
        var count = (int)Math.Min(length ?? long.MaxValue, info.Length - offset);
        return Task.FromResult<BlobContent?>(new BlobContent(info, new MemoryStream(bytes, (int)offset, count, writable: false)));
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        BlobKey.Validate(key);
        using var buffer = new MemoryStream();
        await content.CopyToAsync(buffer, cancellation);
        lock (_gate)
        {
            var current = _blobs.TryGetValue(key, out var found) ? found.Info.ETag : null;
            if (condition.MustBeAbsent ? current is not null : condition.ETag is not null && condition.ETag != current)
                throw new BlobConflictException(key, condition, current);
            var info = new BlobInfo(key, buffer.Length, $"m{++_version}", DateTimeOffset.UtcNow);
            _blobs[key] = (info, buffer.ToArray());
            return info;
        }
    }

    public Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default)
    {
        BlobKey.Validate(key);
        lock (_gate)
        {
            if (_blobs.TryGetValue(key, out var found) && ifMatch is not null && found.Info.ETag != ifMatch)
                throw new BlobConflictException(key, WriteCondition.IfMatch(ifMatch), found.Info.ETag);
            return Task.FromResult(_blobs.Remove(key));
        }
    }

    public async IAsyncEnumerable<BlobInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        BlobKey.ValidatePrefix(prefix);
        List<BlobInfo> matching;
        lock (_gate)
            matching = [.. _blobs.Values.Select(b => b.Info).Where(i => i.Key.StartsWith(prefix, StringComparison.Ordinal))];
        foreach (var info in matching)
        {
            await Task.Yield();
            yield return info;
        }
    }

    public async Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default)
    {
        if (Find(key) is not var (info, bytes))
            return null;
        var path = Path.Combine(localFolder ?? throw new InvalidOperationException("No folder for local files was given."), info.ETag);
        await File.WriteAllBytesAsync(path, bytes, cancellation);
        return new LocalFile(info, path, File.OpenHandle(path));
    }

    private (BlobInfo Info, byte[] Bytes)? Find(string key)
    {
        BlobKey.Validate(key);
        lock (_gate)
            return _blobs.TryGetValue(key, out var found) ? found : null;
    }
}
