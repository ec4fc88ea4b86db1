using System.Security.Cryptography;
using System.Text.Json;
using FineTuneGrid.Clients.Tests.Support;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Clients.Tests;

/// <summary>The official Hub client pushes models and adapters.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HubPushTests(GatewayUnderTest gateway) : IAsyncLifetime, IDisposable
{
    private static readonly string Tiny = Path.Combine(AppContext.BaseDirectory, "tiny");

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-clients-").FullName;
    private HubClient _acme = null!;

    public async Task InitializeAsync() => _acme = new HubClient(gateway.Address, (await gateway.KeyAsync("member", GatewayUnderTest.Acme)).Secret);

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Model_IsPushed_AndIsPulledAsItWas()
    {
        Assert.Equal("acme/hub-new", (await _acme.CallAsync("createRepo", new { repo = "acme/hub-new" })).Text("id"));
        var pushed = await _acme.CallAsync("uploadFiles", new { repo = "acme/hub-new" }, files: FilesOf(Tiny));
        Assert.Equal(pushed.GetProperty("commit").Text("oid"), (await _acme.CallAsync("modelInfo", new { name = "acme/hub-new", additionalFields = (string[])["sha"] })).Text("sha"));
        var snapshot = (await _acme.CallAsync("snapshotDownload", new { repo = "acme/hub-new", cacheDir = Path.Combine(_folder, "cache") })).GetString()!;
        Assert.Equal(Digests(Tiny), Digests(snapshot));
        Assert.Equal("llama", (await gateway.Reader.GetAsync("/api/v1/models/hub-new").JsonAsync()).GetProperty("manifest").Text("model_type"));
        var (message, status) = await _acme.FailAsync("uploadFiles", new { repo = "acme/hub-new" }, FilesOf(Tiny));
        Assert.Equal(409, status);
        Assert.Contains("can no longer change", message);
    }

    [Fact]
    public async Task Adapter_GetsAVersionForEveryCommit()
    {
        await gateway.Member.AddModelAsync("hub-under");
        foreach (var (rank, version) in new[] { (2, "1"), (3, "2"), (3, "2") })
        {
            var adapter = AdapterFolder(rank, "someone/Hub-Under");
            var pushed = await _acme.CallAsync("uploadFiles", new { repo = "acme/hub-lora" }, files: FilesOf(adapter));
            var versions = (await gateway.Reader.GetAsync("/api/v1/adapters/acme/hub-lora").JsonAsync()).GetProperty("versions").EnumerateArray().ToList();
            Assert.Equal((version, pushed.GetProperty("commit").Text("oid")), (versions[^1].Text("version"), versions[^1].Text("revision")));
            var pulled = await _acme.CallAsync("downloadFile", new { repo = "acme/hub-lora", path = "adapter_model.safetensors", revision = version });
            Assert.Equal(Digests(adapter)["adapter_model.safetensors"], pulled.Text("sha256"));
        }
        // One file alone is a change of the newest version.
        var config = AdapterFolder(3, "someone/Hub-Under", alpha: 7);
        await _acme.CallAsync("uploadFiles", new { repo = "acme/hub-lora" }, files: FilesOf(config).Where(f => f.Path == "adapter_config.json"));
        Assert.Equal(3, (await gateway.Reader.GetAsync("/api/v1/adapters/acme/hub-lora").JsonAsync()).GetProperty("versions").GetArrayLength());
    }

    [Fact]
    public async Task Refusal_IsShownByTheClient()
    {
        await gateway.Member.AddModelAsync("hub-other");
        var (message, status) = await _acme.FailAsync("uploadFiles", new { repo = "acme/hub-bad" }, FilesOf(AdapterFolder(2, "hub-absent")));
        Assert.Equal(422, status);
        Assert.Contains("hub-absent", message);
        (message, status) = await _acme.FailAsync("uploadFiles", new { repo = "acme/hub-bad", isPullRequest = true }, FilesOf(AdapterFolder(2, "hub-other")));
        Assert.Equal(422, status);
        Assert.Contains("no pull requests", message);
        (message, status) = await _acme.FailAsync("uploadFiles", new { repo = "globex/hub-bad" }, FilesOf(AdapterFolder(2, "hub-other")));
        Assert.Equal(404, status);
        Assert.Contains("organisation 'globex'", message);
        var cut = AdapterFolder(2, "hub-other");
        var weights = Path.Combine(cut, "adapter_model.safetensors");
        await File.WriteAllBytesAsync(weights, (await File.ReadAllBytesAsync(weights))[..^10]);
        (_, status) = await _acme.FailAsync("uploadFiles", new { repo = "acme/hub-bad" }, FilesOf(cut));
        Assert.Equal(422, status);
        Assert.Equal(404, (await _acme.FailAsync("modelInfo", new { name = "acme/hub-bad" })).Status);
    }

    private string AdapterFolder(int rank, string baseModel, int alpha = 4)
    {
        const string layer = "base_model.model.model.layers.0.self_attn.q_proj";
        var folder = Directory.CreateDirectory(Path.Combine(_folder, Guid.NewGuid().ToString("N"))).FullName;
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"),
            JsonSerializer.Serialize(new { peft_type = "LORA", r = rank, lora_alpha = alpha, target_modules = (string[])["q_proj"], base_model_name_or_path = baseModel }));
        File.WriteAllBytes(Path.Combine(folder, "adapter_model.safetensors"), Samples.Safetensors(($"{layer}.lora_A.weight", [rank, 32]), ($"{layer}.lora_B.weight", [32, rank])));
        return folder;
    }

    private static IReadOnlyList<HubFile> FilesOf(string folder) => [.. Directory.EnumerateFiles(folder).Select(f => new HubFile(Path.GetFileName(f), f))];

    private static Dictionary<string, string> Digests(string folder) =>
        Directory.EnumerateFiles(folder).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f))));
}
