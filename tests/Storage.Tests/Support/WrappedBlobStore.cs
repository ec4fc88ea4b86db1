namespace FineTuneGrid.Storage.Tests;

/// <summary>Passes everything on; tests override what they need.</summary>
public abstract class WrappedBlobStore(IBlobStore inner) : IBlobStore
{
    public virtual ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default) => inner.StatAsync(key, cancellation);

    public virtual Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default) =>
        inner.OpenReadAsync(key, offset, length, cancellation);

    public virtual Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default) =>
        inner.WriteAsync(key, content, condition, cancellation);

    public virtual Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default) =>
        inner.DeleteAsync(key, ifMatch, cancellation);

    public virtual IAsyncEnumerable<BlobInfo> ListAsync(string prefix, CancellationToken cancellation = default) => inner.ListAsync(prefix, cancellation);

    public virtual Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default) => inner.OpenLocalAsync(key, cancellation);
}
