using System.Text;
using Azure.Storage.Blobs;
using FineTuneGrid.Chaos;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.EndToEnd;

/// <summary>The relay by which the kill matrix hits its moments, before a real storage.</summary>
public sealed class StoreGateTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly byte[] Content = Encoding.UTF8.GetBytes(new string('x', 50_000));

    private readonly AzuriteFixture _azurite = new();
    private BlobContainerClient _container = null!;
    private BlobContainerClient _relayed = null!;
    private StoreGate _gate = null!;

    public async Task InitializeAsync()
    {
        await _azurite.InitializeAsync();
        _container = await _azurite.NewContainerAsync();
        _gate = new StoreGate(_container.Uri.Port);
        var connection = _azurite.ConnectionString.Replace($":{_container.Uri.Port}/", $":{_gate.Port}/", StringComparison.Ordinal);
        _relayed = new BlobContainerClient(connection, _container.Name, new BlobClientOptions { Retry = { MaxRetries = 0 } });
    }

    public async Task DisposeAsync()
    {
        await _gate.DisposeAsync();
        await _azurite.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_HeldAndCut_NeverTakesEffect(bool halfway)
    {
        var (upload, trap) = await HoldAsync("jobs/job-1/checkpoints/parts/abc", halfway);
        Assert.False(await _container.GetBlobClient("jobs/job-1/checkpoints/parts/abc").ExistsAsync());
        trap.Release(pass: false);
        await Assert.ThrowsAnyAsync<Exception>(() => upload.WaitAsync(Limit));
        Assert.False(await _container.GetBlobClient("jobs/job-1/checkpoints/parts/abc").ExistsAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_HeldAndLetGo_ArrivesWhole(bool halfway)
    {
        var (upload, trap) = await HoldAsync("jobs/job-1/head", halfway);
        Assert.False(await _container.GetBlobClient("jobs/job-1/head").ExistsAsync());
        trap.Release(pass: true);
        await upload.WaitAsync(Limit);
        Assert.Equal(Content, (await _container.GetBlobClient("jobs/job-1/head").DownloadContentAsync()).Value.Content.ToArray());
    }

    [Fact]
    public async Task Cut_EndsWhatIsUnderWay_AndLetsTheNextThrough()
    {
        var (upload, trap) = await HoldAsync("a", halfway: false);
        _gate.Cut();
        await Assert.ThrowsAnyAsync<Exception>(() => upload.WaitAsync(Limit));
        trap.Release(pass: true);
        await _relayed.GetBlobClient("b").UploadAsync(new BinaryData(Content));
        Assert.Equal(["b"], _container.GetBlobs().Select(b => b.Name));
    }

    [Fact]
    public void Request_IsSeenAsItsKeyAndItsSender()
    {
        var signed = StoreRequest.Parse("PUT /account/chaos/jobs/job-1/a%20b?sv=1&sig=x HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n\r\n"u8);
        Assert.Equal(new StoreRequest("PUT", "/chaos/jobs/job-1/a b", true, 12), signed);
        Assert.Equal(new StoreRequest("GET", "/chaos/k", false, 0), StoreRequest.Parse("GET /account/chaos/k HTTP/1.1\r\nHost: a\r\n\r\n"u8));
        Assert.Throws<InvalidDataException>(() => StoreRequest.Parse("nonsense\r\n\r\n"u8));
        Assert.Throws<InvalidDataException>(() => StoreRequest.Parse("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"u8));
    }

    private async Task<(Task Upload, Trap Trap)> HoldAsync(string key, bool halfway)
    {
        var trap = new Trap(r => r.IsPut && r.Path.EndsWith(key, StringComparison.Ordinal), halfway);
        _gate.Arm(trap);
        var upload = Task.Run(() => _relayed.GetBlobClient(key).UploadAsync(new BinaryData(Content)));
        await trap.Caught.WaitAsync(Limit);
        return (upload, trap);
    }
}
