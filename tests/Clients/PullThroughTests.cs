using System.Text.Json;
using FineTuneGrid.Gateway.Tests.Support;
using CliApp = FineTuneGrid.Cli.CliApp;

namespace FineTuneGrid.Clients.Tests;

/// <summary><c>ftg model add hub:...</c>, from one organisation of the grid to another by the Hub's protocol.</summary>
[Collection(GatewayCollection.Name)]
public sealed class PullThroughTests(GatewayUnderTest gateway) : IDisposable
{
    private static readonly string[] Variables = ["FTG_URL", "FTG_API_KEY", "HF_TOKEN", "XDG_DATA_HOME"];

    private readonly string _home = Directory.CreateTempSubdirectory("ftg-clients-").FullName;
    private readonly Dictionary<string, string?> _before = Variables.ToDictionary(v => v, Environment.GetEnvironmentVariable);

    public void Dispose()
    {
        foreach (var (name, value) in _before) Environment.SetEnvironmentVariable(name, value);
        Directory.Delete(_home, recursive: true);
    }

    [Fact]
    public async Task Model_IsBroughtFromAHubByteForByte()
    {
        await gateway.Member.AddTinyAsync("hub-origin");
        Environment.SetEnvironmentVariable("FTG_URL", gateway.Address.AbsoluteUri);
        Environment.SetEnvironmentVariable("FTG_API_KEY", (await gateway.KeyAsync("member", GatewayUnderTest.Globex)).Secret);
        Environment.SetEnvironmentVariable("HF_TOKEN", (await gateway.KeyAsync("reader", GatewayUnderTest.Acme)).Secret);
        Environment.SetEnvironmentVariable("XDG_DATA_HOME", _home);

        Assert.Equal((0, ""), await RunAsync("model", "add", "hub:acme/hub-origin"));
        Assert.Equal((0, ""), await RunAsync("model", "add", "renamed", "hub:acme/hub-origin@1"));
        var origin = await DigestsAsync(gateway.Reader, "hub-origin");
        Assert.Equal(4, origin.Count);
        Assert.Equal(origin, await DigestsAsync(gateway.Stranger, "hub-origin"));
        Assert.Equal(origin, await DigestsAsync(gateway.Stranger, "renamed"));
        Assert.Empty(Directory.EnumerateFiles(_home, "*", SearchOption.AllDirectories));

        var (code, reason) = await RunAsync("model", "add", "absent", "hub:acme/hub-absent");
        Assert.Equal(1, code);
        Assert.Contains("404", reason);
        Assert.Equal(2, (await RunAsync("model", "add", "alone")).Code);
    }

    private async Task<(int Code, string Reason)> RunAsync(params string[] arguments)
    {
        var errors = new StringWriter();
        var code = await CliApp.RunAsync([.. arguments, .. arguments.Length > 3 || arguments[2].StartsWith("hub:", StringComparison.Ordinal) ? ["--endpoint", gateway.Address.AbsoluteUri] : (string[])[]], TextWriter.Null, errors);
        return (code, code == 0 ? "" : errors.ToString());
    }

    private static async Task<SortedDictionary<string, string>> DigestsAsync(HttpClient client, string model)
    {
        var view = await client.GetAsync($"/api/v1/models/{model}").JsonAsync();
        Assert.Equal("ready", view.Text("status"));
        return new(view.GetProperty("files").EnumerateArray().ToDictionary(f => f.Text("path"), (JsonElement f) => f.Text("sha256")), StringComparer.Ordinal);
    }
}
