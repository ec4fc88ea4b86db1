namespace FineTuneGrid.Storage;

/// <summary>
/// A flat store of blobs with conditional writes: a data directory or an Azure container. Safe for any number of processes
/// at once. A write is seen whole or not at all, and is durable when its task completes; a task that fails with anything but
/// <see cref="BlobConflictException"/> leaves the outcome of its write unknown. Keys follow <see cref="BlobKey"/> and are
/// made by the server, never from names that users choose. A full disk is GridException(insufficient_storage).
/// </summary>
public interface IBlobStore
{
    /// <summary>The current version, or null where there is none.</summary>
    ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default);

    /// <summary>
    /// Opens the current version, or returns null where there is none. <paramref name="offset"/> may equal the blob's length
    /// (an empty range) but not exceed it (ArgumentOutOfRangeException); <paramref name="length"/> is cut at the blob's end.
    /// </summary>
    Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default);

    /// <summary>Writes the whole of <paramref name="content"/> from its position as the new version.</summary>
    /// <exception cref="BlobConflictException">The condition does not hold; nothing was changed.</exception>
    Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default);

    /// <summary>Deletes the blob; false where there is none.</summary>
    /// <exception cref="BlobConflictException">There is a version other than <paramref name="ifMatch"/>.</exception>
    Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default);

    /// <summary>
    /// The blobs whose keys start with the prefix (a plain string prefix, may be empty), in ordinal order of keys. Not a
    /// snapshot: blobs written or deleted meanwhile may or may not be seen, all others are.
    /// </summary>
    IAsyncEnumerable<BlobInfo> ListAsync(string prefix, CancellationToken cancellation = default);

    /// <summary>The current version as a local file, or null where there is none. A remote store downloads it to its cache first.</summary>
    Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default);
}
