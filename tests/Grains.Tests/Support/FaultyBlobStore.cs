using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests.Support;

/// <summary>A store whose writes fail on demand: before they happen, or after, when the caller cannot know.</summary>
internal sealed class FaultyBlobStore(IBlobStore inner) : IBlobStore
{
    private int _writes;

    /// <summary>Decides by key and by the number of the write of such keys.</summary>
    public Func<string, int, Fault> Plan { get; set; } = (_, _) => Fault.None;

    /// <summary>Decides by key for the index of jobs.</summary>
    public Func<string, Fault> IndexPlan { get; set; } = _ => Fault.None;

    /// <summary>What a read waits for.</summary>
    public Func<string, Task> BeforeRead { get; init; } = _ => Task.CompletedTask;

    public int Injected { get; private set; }

    public enum Fault
    {
        None,
        Before,
        After,
    }

    public ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default) => inner.StatAsync(key, cancellation);

    public async Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
    {
        await BeforeRead(key);
        return await inner.OpenReadAsync(key, offset, length, cancellation);
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        var fault = key.StartsWith("grains/", StringComparison.Ordinal) ? Plan(key, Interlocked.Increment(ref _writes))
            : key.StartsWith("index/", StringComparison.Ordinal) ? IndexPlan(key) : Fault.None;
        if (fault != Fault.None)
            Injected++;
        if (fault == Fault.Before)
            throw new IOException("injected before the write");
        var info = await inner.WriteAsync(key, content, condition, cancellation);
        return fault == Fault.After ? throw new IOException("injected after the write") : info;
    }

    public Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default) => inner.DeleteAsync(key, ifMatch, cancellation);

    public IAsyncEnumerable<BlobInfo> ListAsync(string prefix, CancellationToken cancellation = default) => inner.ListAsync(prefix, cancellation);

    public Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default) => inner.OpenLocalAsync(key, cancellation);
}
