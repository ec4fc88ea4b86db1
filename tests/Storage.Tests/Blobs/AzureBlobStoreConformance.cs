namespace FineTuneGrid.Storage.Tests;

[Collection(AzuriteCollection.Name)]
public sealed class AzureBlobStoreConformance(AzuriteFixture azurite) : BlobStoreConformance, IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private AzureBlobStore? _store;

    protected override IBlobStore Store => _store!;

    public async Task InitializeAsync() => _store = new AzureBlobStore(await azurite.NewContainerAsync(), _folder.File("cache"));

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }
}
