using System.Net;
using System.Net.Http.Json;
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

    [Fact]
    public async Task Alias_NamesTheChampion_InFilesHubAndModelNames_AndMovesWithIt()
    {
        await gateway.Member.AddModelAsync("staged");
        const string root = "/api/v1/adapters/acme/staged";
        var wholes = new List<string>();
        foreach (var rank in (int[])[2, 3])
        {
            await gateway.Member.PushAdapterAsync("acme", "staged", "staged", 32, Layer, rank);
            wholes.Add((await gateway.Reader.GetAsync($"{root}/versions/{wholes.Count + 1}/files/adapter_config.json").JsonAsync()).GetRawText());
        }
        await gateway.Reader.GetAsync($"{root}/versions/champion/files/adapter_config.json").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        Assert.Equal(HttpStatusCode.NotFound, await CompletionAsync("acme/staged@champion"));

        foreach (var version in (string[])["1", "2", "archived"])
        {
            var promoted = await gateway.Member.PostAsJsonAsync($"{root}/promote", new { version, stage = "champion" }).JsonAsync();
            var number = int.Parse(promoted.Text("version"), System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal((version == "2" ? 2 : 1, "champion"), (number, promoted.Text("stage")));
            foreach (var url in (string[])[$"{root}/versions/champion/files/adapter_config.json", "/acme/staged/resolve/champion/adapter_config.json", "/acme/staged/resolve/refs%2Fheads%2Fchampion/adapter_config.json"])
                Assert.Equal(wholes[number - 1], (await gateway.Reader.GetAsync(url).JsonAsync()).GetRawText());
            // No node is alive, but the name is known.
            Assert.Equal(HttpStatusCode.ServiceUnavailable, await CompletionAsync("acme/staged@champion"));
        }
        var history = (await gateway.Reader.GetAsync($"{root}/stages?limit=2").JsonAsync());
        Assert.Equal(("1", "champion"), (history.GetProperty("data")[0].Text("version"), history.GetProperty("data")[0].Text("stage")));
        Assert.Equal(3, (await gateway.Reader.GetAsync($"{root}/stages?after={history.GetProperty("next").GetInt32()}").JsonAsync()).GetProperty("data").GetArrayLength());
        var branches = (await gateway.Reader.GetAsync("/api/models/acme/staged/refs").JsonAsync()).GetProperty("branches").EnumerateArray().Select(b => b.Text("name"));
        Assert.Equal(["main", "champion", "archived"], branches);
        await gateway.Member.DeleteAsync($"{root}?version=champion").ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.InUse);
    }

    [Fact]
    public async Task Promotion_ByWhomItIsNot_OrOfNothing_IsRefused()
    {
        await gateway.Member.AddModelAsync("kept-back");
        await gateway.Member.PushAdapterAsync("acme", "kept-back", "kept-back", 32, Layer);
        const string url = "/api/v1/adapters/acme/kept-back/promote";
        var good = new { version = "1", stage = "champion" };
        await gateway.Reader.PostAsJsonAsync(url, good).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.PostAsJsonAsync(url, good).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Member.PostAsJsonAsync(url, new { version = "2", stage = "champion" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        Assert.Equal("version", (await gateway.Member.PostAsJsonAsync(url, new { stage = "champion" }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.MissingField)).Text("field"));
        Assert.Equal("stage", (await gateway.Member.PostAsJsonAsync(url, new { version = "1", stage = "best" }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)).Text("field"));
    }

    private async Task<HttpStatusCode> CompletionAsync(string model)
    {
        using var response = await gateway.Member.PostAsJsonAsync("/v1/completions", new { model, prompt = "a" });
        return response.StatusCode;
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
