using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Net;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.EndToEnd;

/// <summary>A cluster by configuration: state in Azure Blob Storage, and a node agent with a data directory of its own that comes over the network.</summary>
[Collection(SharedGrid.Name)]
public sealed class RemoteNodeTests(SharedGrid shared, AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    [Fact]
    public async Task Job_OnANodeOfAnotherDataDirectoryWithBlobsInAzure_GivesTheSameBytes()
    {
        var environment = new Dictionary<string, string> { ["FTG__Storage__AzureBlob"] = azurite.ConnectionString, ["FTG__Storage__Container"] = "grid" };
        var (address, port) = (Address(), FreePort.Take());
        await using var grid = await GridProcess.StartAsync(
            ["--roles", "silo,gateway", "--advertise", address.ToString(), "--cluster-port", port.ToString(System.Globalization.CultureInfo.InvariantCulture)], environment);
        var node = Directory.CreateTempSubdirectory("ftg-e2e-node-").FullName;
        try
        {
            var token = Path.Combine(node, "token");
            var (code, text) = await HostProgram.EndedAsync("--issue-token", "gpu-1", "--data", grid.Data);
            Assert.Equal(0, code);
            await File.WriteAllTextAsync(token, text);
            using var agent = HostProgram.Start(
                ["--roles", "node", "--data", node, "--cluster", new IPEndPoint(address, port).ToString(), "--node-name", "gpu-1", "--token-file", token, "--threads", "1"], _ => { }, environment);
            try
            {
                await TinyData.AddToAsync(grid);
                var events = new JobEvents(grid, await grid.SubmitAsync(TinyData.Job("remote/azure")));
                await events.SucceededAsync();
                Assert.Contains(events.Seen, e => e.Type == "placement" && e.Text("node") == "gpu-1");
                Assert.Equal(shared.ReferenceSha256, await grid.OnlyVersionAsync("remote/azure"));
                Assert.False(Directory.Exists(Path.Combine(grid.Data, "blobs")), "the control plane keeps blobs on its disk");
            }
            finally
            {
                ProcessTable.Signal(agent.Id, ProcessTable.SigTerm);
                await agent.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
            }
        }
        finally
        {
            foreach (var left in ProcessTable.Of(node)) ProcessTable.Signal(left.Pid, ProcessTable.SigKill);
            Directory.Delete(node, recursive: true);
        }
    }

    [Theory]
    [InlineData("FTG__Storage__AzureBlob", "no connection string")]
    [InlineData("FTG__Storage__AzureBlobs", "x")]
    [InlineData("FTG__Clustering__Unknown", "x")]
    public async Task BadSetting_IsRefusedByName(string name, string value)
    {
        var data = GridProcess.NewDataDirectory();
        var output = new System.Text.StringBuilder();
        using var host = HostProgram.Start(["--data", data, "--port", "0", "--no-samples"], line =>
        {
            lock (output) output.AppendLine(line);
        }, new Dictionary<string, string> { [name] = value });
        await host.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(2, host.ExitCode);
        Assert.StartsWith($"error: The setting {name} ", output.ToString(), StringComparison.Ordinal);
        Directory.Delete(data, recursive: true);
    }

    /// <summary>An address of this machine that others could reach; where it has none, the loopback address.</summary>
    private static IPAddress Address() =>
        NetworkInterface.GetAllNetworkInterfaces().Where(i => i.OperationalStatus == OperationalStatus.Up)
            .SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a)) ?? IPAddress.Loopback;
}
