namespace FineTuneGrid.Storage;

/// <summary>An open blob: one version, whole, whatever is written meanwhile.</summary>
public sealed class BlobContent(BlobInfo info, Stream stream) : IAsyncDisposable, IDisposable
{
    /// <summary>The whole blob (its length is not that of a requested range).</summary>
    public BlobInfo Info { get; } = info;

    /// <summary>The requested range; read once, forward.</summary>
    public Stream Stream { get; } = stream;

    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    public void Dispose() => Stream.Dispose();
}
