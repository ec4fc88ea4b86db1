using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Azure.Storage.Sas;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <summary>What is particular to Azure: credentials, lost answers, the download cache.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzureBlobStoreTests(AzuriteFixture azurite) : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public async Task Write_AnswerLostAfterItTookEffect_IsNotAConflictWithItself()
    {
        var container = await azurite.NewContainerAsync();
        var options = Impatient();
        var loss = new LoseOneAnswer();
        options.AddPolicy(loss, HttpPipelinePosition.PerRetry);
        var store = AzureBlobStore.FromConnectionString(azurite.ConnectionString, container.Name, options: options);

        var written = await store.WriteBytesAsync("k", "1"u8.ToArray(), WriteCondition.IfAbsent);

        Assert.Equal(1, loss.Lost);
        Assert.Equal(written.ETag, (await store.StatAsync("k"))!.ETag);
    }

    [Fact]
    public async Task FromSasUri_ContainerSignature_ReadsAndWritesThisContainerOnly()
    {
        var container = await azurite.NewContainerAsync();
        var sas = container.GenerateSasUri(BlobContainerSasPermissions.All, DateTimeOffset.UtcNow.AddHours(1));
        var store = AzureBlobStore.FromSasUri(sas);
        await store.WriteBytesAsync("a/b", "1"u8.ToArray());
        Assert.Equal(["a/b"], await store.ListAsync("a/").Select(b => b.Key).ToListAsync());

        var other = await azurite.NewContainerAsync();
        var foreign = new UriBuilder(other.Uri) { Query = sas.Query }.Uri;
        var e = await Assert.ThrowsAsync<GridException>(() => AzureBlobStore.FromSasUri(foreign).WriteBytesAsync("a", new byte[1]));
        Assert.Equal(ErrorCodes.Forbidden, e.Code);
    }

    [Fact]
    public async Task Write_ContainerMissing_SaysSoUntilItIsCreated()
    {
        var store = AzureBlobStore.FromConnectionString(azurite.ConnectionString, "missing" + Guid.NewGuid().ToString("N"));
        var e = await Assert.ThrowsAsync<GridException>(() => store.WriteBytesAsync("k", new byte[1]));
        Assert.Equal(ErrorCodes.NotFound, e.Code);
        await store.EnsureContainerAsync();
        await store.EnsureContainerAsync();
        await store.WriteBytesAsync("k", new byte[1]);
    }

    [Fact]
    public async Task Read_NobodyAnswers_IsUnavailable()
    {
        // Port 1 of the loopback: nothing listens there.
        var dead = azurite.ConnectionString.Replace(new Uri(ServiceUri()).Authority, "127.0.0.1:1");
        var store = AzureBlobStore.FromConnectionString(dead, "any", options: Impatient());
        var e = await Assert.ThrowsAsync<GridException>(async () => await store.StatAsync("k"));
        Assert.Equal(ErrorCodes.Unavailable, e.Code);
        e = await Assert.ThrowsAsync<GridException>(async () => await store.ListAsync("").ToListAsync());
        Assert.Equal(ErrorCodes.Unavailable, e.Code);
    }

    [Fact]
    public async Task OpenLocal_CachedFileDamagedInLength_IsDownloadedAgain()
    {
        var store = new AzureBlobStore(await azurite.NewContainerAsync(), _folder.Path);
        await store.WriteBytesAsync("k", "12345"u8.ToArray());
        string path;
        using (var local = (await store.OpenLocalAsync("k"))!)
            path = local.Path;
        await File.WriteAllTextAsync(path, "123");
        using var again = (await store.OpenLocalAsync("k"))!;
        Assert.Equal("12345", await File.ReadAllTextAsync(again.Path));
    }

    [Fact]
    public async Task DownloadCache_AboveItsLimit_DropsTheLongestUnused()
    {
        var cache = new DownloadCache(_folder.Path, maxBytes: 250);
        var infos = Enumerable.Range(0, 3).Select(i => new BlobInfo($"k{i}", 100, "e", default)).ToList();
        foreach (var info in infos)
        {
            using var added = await cache.AddAsync(new BlobContent(info, new MemoryStream(new byte[100])), default);
            Assert.NotNull(added);
            File.SetLastAccessTimeUtc(added.Path, DateTime.UtcNow.AddHours(-10 + infos.IndexOf(info)));
        }
        using var kept1 = cache.TryOpen(infos[1]);
        using var kept2 = cache.TryOpen(infos[2]);
        Assert.Null(cache.TryOpen(infos[0]));
        Assert.NotNull(kept1);
        Assert.NotNull(kept2);
    }

    [Fact]
    public async Task Checkpoints_OnAzure_CommitFenceAndRestore()
    {
        var store = new CheckpointStore(new AzureBlobStore(await azurite.NewContainerAsync()), "job");
        await store.FenceAsync(1, "a");
        await store.CommitAsync(Workers.CheckpointOf(1, 1));
        await store.FenceAsync(2, "b");
        var e = await Assert.ThrowsAsync<GridException>(() => store.CommitAsync(Workers.CheckpointOf(1, 2)));
        Assert.Equal(ErrorCodes.Fenced, e.Code);
        await store.CommitAsync(Workers.CheckpointOf(2, 2));
        Assert.Equal(2, (await store.RestoreAsync())!.Manifest.Step);
        Assert.Equal(1, (await store.CollectAsync(1, TimeSpan.Zero)).Manifests);
        Assert.Equal(2, (await store.RestoreAsync())!.Manifest.Step);
    }

    public void Dispose() => _folder.Dispose();

    private string ServiceUri() => new BlobServiceClient(azurite.ConnectionString).Uri.ToString();

    private static BlobClientOptions Impatient() =>
        new() { Retry = { MaxRetries = 2, Delay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(5) } };

    private sealed class LoseOneAnswer : HttpPipelinePolicy
    {
        public int Lost { get; private set; }

        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            await ProcessNextAsync(message, pipeline);
            if (message.Request.Method == RequestMethod.Put && Lost == 0)
            {
                Lost++;
                throw new IOException("connection reset");
            }
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();
    }
}
