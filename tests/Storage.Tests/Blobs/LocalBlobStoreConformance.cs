namespace FineTuneGrid.Storage.Tests;

public sealed class LocalBlobStoreConformance : BlobStoreConformance, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LocalBlobStore _store;

    public LocalBlobStoreConformance() => _store = new LocalBlobStore(_folder.File("blobs"));

    protected override IBlobStore Store => _store;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }
}
