using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests.Support;

/// <summary>Lets a test act at the worst moment: right before a blob is opened or deleted.</summary>
internal sealed class WatchedBlobStore(IBlobStore inner) : IBlobStore
{
    public Func<string, Task> BeforeRead { get; set; } = _ => Task.CompletedTask;

    public Func<string, Task> BeforeDelete { get; set; } = _ => Task.CompletedTask;

    public ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default) => inner.StatAsync(key, cancellation);

    public async Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
    {
        await BeforeRead(key);
        return await inner.OpenReadAsync(key, offset, length, cancellation);
    }

    public Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default) =>
        inner.WriteAsync(key, content, condition, cancellation);

    public async Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default)
    {
        await BeforeDelete(key);
        return await inner.DeleteAsync(key, ifMatch, cancellation);
    }

    public IAsyncEnumerable<BlobInfo> ListAsync(string prefix, CancellationToken cancellation = default) => inner.ListAsync(prefix, cancellation);

    public Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default) => inner.OpenLocalAsync(key, cancellation);
}
