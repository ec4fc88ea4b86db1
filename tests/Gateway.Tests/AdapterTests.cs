using System.Net;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Pushed adapters, and what is kept of them.</summary>
[Collection(GatewayCollection.Name)]
public sealed class AdapterTests(GatewayUnderTest gateway)
{
    private const string Layer = "model.layers.0.self_attn.q_proj";
    private const string Weights = "adapter_model.safetensors";

    [Fact]
    public async Task Verify_FindsADamagedAndAMissingFile()
    {
        await gateway.Member.AddModelAsync("audited");
        await gateway.Member.PushAdapterAsync("acme", "audited", "audited", 32, Layer);
        const string url = "/api/v1/adapters/acme/audited/versions/1/verify";
        var whole = await gateway.Reader.GetAsync(url).JsonAsync();
        Assert.Equal(("acme/audited", true, 7), (whole.Text("adapter"), whole.GetProperty("whole").GetBoolean(), whole.GetProperty("files").GetArrayLength()));

        var stored = await StoredAsync("acme/audited", Weights);
        var bytes = await File.ReadAllBytesAsync(stored);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(stored, bytes);
        Assert.Contains("differs", await ProblemAsync(url, Weights));
        await File.WriteAllBytesAsync(stored, bytes[..^1]);
        Assert.Contains($"{bytes.Length - 1} bytes", await ProblemAsync(url, Weights));
        File.Delete(await StoredAsync("acme/audited", "finetunegrid.json"));
        Assert.Contains("missing", await ProblemAsync(url, "finetunegrid.json"));

        await gateway.Reader.GetAsync("/api/v1/adapters/acme/audited/versions/2/verify").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.GetAsync(url).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    private async Task<string> ProblemAsync(string url, string path)
    {
        var check = await gateway.Reader.GetAsync(url).JsonAsync();
        Assert.False(check.GetProperty("whole").GetBoolean());
        return check.GetProperty("files").EnumerateArray().Single(f => f.Text("path") == path).Text("problem");
    }

    /// <summary>Where the store keeps a file's bytes.</summary>
    private async Task<string> StoredAsync(string adapter, string path)
    {
        var view = await gateway.Reader.GetAsync($"/api/v1/adapters/{adapter}").JsonAsync();
        var digest = view.GetProperty("versions")[0].GetProperty("files").EnumerateArray().Single(f => f.Text("path") == path).Text("sha256");
        return Directory.EnumerateFiles(gateway.Directory, "*", SearchOption.AllDirectories).Single(f => f.Contains(digest, StringComparison.Ordinal)
            && f.Contains(view.Text("id"), StringComparison.Ordinal) && new FileInfo(f).Length > 0);
    }
}
