namespace FineTuneGrid.Storage.Tests;

public sealed class MemoryBlobStoreConformance : BlobStoreConformance, IDisposable
{
    private readonly TempFolder _folder = new();

    public MemoryBlobStoreConformance() => Store = new MemoryBlobStore(_folder.Path);

    protected override IBlobStore Store { get; }

    public void Dispose() => _folder.Dispose();
}
