using System.Security.Cryptography;
using System.Text.Json;
using FineTuneGrid.Clients.Tests.Support;
using FineTuneGrid.Gateway.Tests.Support;
using CliApp = FineTuneGrid.Cli.CliApp;

namespace FineTuneGrid.Clients.Tests;

/// <summary>The official Hub client pulls models and adapters.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HubPullTests(GatewayUnderTest gateway) : IAsyncLifetime, IDisposable
{
    private const string Layer = "model.layers.0.self_attn.q_proj";
    private const string Weights = "adapter_model.safetensors";

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-clients-").FullName;
    private HubClient _acme = null!;
    private HubClient _stranger = null!;

    public async Task InitializeAsync()
    {
        _acme = new HubClient(gateway.Address, (await gateway.KeyAsync("reader", GatewayUnderTest.Acme)).Secret);
        _stranger = new HubClient(gateway.Address, (await gateway.KeyAsync("member", GatewayUnderTest.Globex)).Secret);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Client_ReadsAModelAsTheRegistryHoldsIt()
    {
        await gateway.Member.AddTinyAsync("hub-model");
        var held = (await gateway.Reader.GetAsync("/api/v1/models/hub-model").JsonAsync()).GetProperty("files").EnumerateArray().ToDictionary(f => f.Text("path"), f => f.Text("sha256"));
        foreach (var repo in (string[])["hub-model", "acme/hub-model"])
        {
            Assert.Equal(repo, (await _acme.CallAsync("modelInfo", new { name = repo })).Text("name"));
            var listed = (await _acme.CallAsync("listFiles", new { repo, recursive = true, expand = true }, pageSize: 2)).EnumerateArray().ToList();
            Assert.Equal(held, listed.ToDictionary(f => f.Text("path"), f => f.GetProperty("lfs").Text("oid")));
            Assert.True(held.Count > 2, "pages of two were to be followed");
            Assert.True((await _acme.CallAsync("fileExists", new { repo, path = "config.json" })).GetBoolean());
            Assert.False((await _acme.CallAsync("fileExists", new { repo, path = "nothing.json" })).GetBoolean());
            Assert.Equal(held["model.safetensors"], (await _acme.CallAsync("downloadFile", new { repo, path = "model.safetensors" })).Text("sha256"));
            Assert.Equal(JsonValueKind.Null, (await _acme.CallAsync("downloadFile", new { repo, path = "nothing.json" })).ValueKind);
        }
        Assert.Equal("acme", (await _acme.CallAsync("whoAmI", new { })).Text("name"));
    }

    [Fact]
    public async Task Snapshot_IsWhatAdapterPullGives_AtEveryRevision()
    {
        await gateway.Member.AddModelAsync("hub-base");
        await gateway.Member.PushAdapterAsync("acme", "hub-tuned", "hub-base", 32, Layer);
        await gateway.Member.PushAdapterAsync("acme", "hub-tuned", "hub-base", 32, Layer, rank: 3);
        var commits = (await _acme.CallAsync("listCommits", new { repo = "acme/hub-tuned" })).EnumerateArray().Select(c => c.Text("oid")).ToList();
        Assert.Equal(2, commits.Count);
        foreach (var (revision, version) in new[] { ("main", "2"), ("2", "2"), ("1", "1"), (commits[0], "2"), (commits[1], "1"), (commits[1][..10], "1") })
        {
            var snapshot = (await _acme.CallAsync("snapshotDownload", new { repo = "acme/hub-tuned", revision, cacheDir = Path.Combine(_folder, "cache-" + revision) })).GetString()!;
            var pulled = Path.Combine(_folder, "pulled-" + revision);
            await PullAsync("acme/hub-tuned@" + version, pulled);
            Assert.Equal(Digests(pulled), Digests(snapshot));
        }
        var (first, second) = (Digests(Path.Combine(_folder, "pulled-1")), Digests(Path.Combine(_folder, "pulled-2")));
        Assert.NotEqual(first[Weights], second[Weights]);
    }

    [Fact]
    public async Task Client_IsToldWhatIsMissing()
    {
        await gateway.Member.AddModelAsync("hub-hidden");
        Assert.Equal(404, (await _stranger.FailAsync("modelInfo", new { name = "acme/hub-hidden" })).Status);
        Assert.Equal(404, (await _stranger.FailAsync("downloadFile", new { repo = "acme/hub-hidden", path = "config.json" })).Status);
        Assert.Equal(404, (await _acme.FailAsync("modelInfo", new { name = "Acme/Nothing" })).Status);
        var (message, status) = await _acme.FailAsync("listFiles", new { repo = "acme/hub-hidden", revision = "9" });
        Assert.Equal(404, status);
        Assert.Contains("has no revision '9'", message);
        var unknown = new HubClient(gateway.Address, "ftg_" + new string('a', 43));
        Assert.Equal(401, (await unknown.FailAsync("modelInfo", new { name = "acme/hub-hidden" })).Status);
    }

    [Fact]
    public async Task Curl_GoesOnWhereItStopped()
    {
        await gateway.Member.AddTinyAsync("hub-curl");
        var url = $"{gateway.Address.AbsoluteUri}acme/hub-curl/resolve/main/model.safetensors";
        var whole = await gateway.Reader.GetByteArrayAsync(url);
        var target = Path.Combine(_folder, "model.safetensors");
        await File.WriteAllBytesAsync(target, whole[..(whole.Length / 3)]);
        var received = await Programs.RunAsync(_folder, "curl", "-sS", "--fail", "-C", "-", "-o", target, "-w", "%{http_code} %{size_download}", "-H", $"Authorization: Bearer {_acme.Key}", url);
        Assert.Equal($"206 {whole.Length - (whole.Length / 3)}", received);
        Assert.Equal(whole, await File.ReadAllBytesAsync(target));
    }

    private async Task PullAsync(string adapter, string folder)
    {
        Environment.SetEnvironmentVariable("FTG_URL", gateway.Address.AbsoluteUri);
        Environment.SetEnvironmentVariable("FTG_API_KEY", _acme.Key);
        var errors = new StringWriter();
        Assert.True(await CliApp.RunAsync(["adapter", "pull", adapter, folder], TextWriter.Null, errors) == 0, errors.ToString());
    }

    private static SortedDictionary<string, string> Digests(string folder) => new(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f)))), StringComparer.Ordinal);
}
