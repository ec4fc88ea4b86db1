using System.Diagnostics;
using Azure.Storage.Blobs;

namespace FineTuneGrid.Storage.Tests;

/// <summary>
/// One Azurite (Microsoft's storage emulator) for all tests, on a free port, in memory.
/// </summary>
public sealed class AzuriteFixture : IAsyncLifetime
{
    private const string Account = "devstoreaccount1";

    // The emulator's published development key, not a secret.
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private Process? _process;

    public string ConnectionString { get; private set; } = "";

    public async Task InitializeAsync()
    {
        var script = await AzuriteProgram.ScriptAsync();
        var start = new ProcessStartInfo("node")
        {
            ArgumentList =
            {
                script, "--blobPort", "0", "--inMemoryPersistence", "--extentMemoryLimit", "512", "--skipApiVersionCheck",
                "--disableTelemetry", "--disableProductStyleUrl", "--silent",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(script)!,
        };
        _process = Process.Start(start)!;
        var port = await ReadPortAsync(_process);
        ConnectionString = $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{port}/{Account};";
    }

    public async Task<BlobContainerClient> NewContainerAsync()
    {
        var container = new BlobContainerClient(ConnectionString, "t" + Guid.NewGuid().ToString("N"));
        await container.CreateAsync();
        return container;
    }

    public async Task DisposeAsync()
    {
        if (_process is null)
            return;
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<int> ReadPortAsync(Process process)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var seen = new List<string>();
        while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            seen.Add(line);
            var at = line.IndexOf("http://127.0.0.1:", StringComparison.Ordinal);
            if (line.Contains("successfully listen", StringComparison.Ordinal) && at >= 0)
            {
                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
                _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
                return int.Parse(line[(at + "http://127.0.0.1:".Length)..].TrimEnd('/', ' '));
            }
        }
        throw new InvalidOperationException($"Azurite did not start: {string.Join('\n', seen)} {await process.StandardError.ReadToEndAsync()}");
    }
}

[CollectionDefinition(Name)]
public sealed class AzuriteCollection : ICollectionFixture<AzuriteFixture>
{
    public const string Name = "azurite";
}
