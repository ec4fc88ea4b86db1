namespace FineTuneGrid.Storage;

/// <summary>
/// A conditional write or delete found another version. Nothing was changed. The caller decides: read again and retry, or
/// refuse in its own terms; it is never shown to a user as it is.
/// </summary>
public sealed class BlobConflictException(string key, WriteCondition condition, string? currentETag, Exception? inner = null)
    : Exception($"The blob '{key}' was changed by another writer ({condition}; current version: {currentETag ?? "none or unknown"}).", inner)
{
    public string Key { get; } = key;

    public WriteCondition Condition { get; } = condition;

    /// <summary>The ETag found, or null when the blob is absent or the store did not say.</summary>
    public string? CurrentETag { get; } = currentETag;
}
