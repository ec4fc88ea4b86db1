using System.Diagnostics;
using Azure.Storage.Blobs;

namespace FineTuneGrid.Storage.Tests;

/// <summary>
/// One Azurite (Microsoft's storage emulator) for all tests, on a free port, in memory. Installed by npm on first use into
/// GRID_TOOLS or artifacts/tools.
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
        var tools = Environment.GetEnvironmentVariable("GRID_TOOLS") is { Length: > 0 } given ? given : Path.Combine(RepoRoot(), "artifacts", "tools");
        var folder = Path.Combine(tools, "azurite");
        var script = Path.Combine(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        if (!File.Exists(script))
            await InstallAsync(folder);
        var start = new ProcessStartInfo("node")
        {
            ArgumentList =
            {
                script, "--blobPort", "0", "--inMemoryPersistence", "--extentMemoryLimit", "512", "--skipApiVersionCheck",
                "--disableTelemetry", "--disableProductStyleUrl", "--silent",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
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

    private static async Task InstallAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        var start = new ProcessStartInfo("npm")
        {
            ArgumentList = { "install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel", "error", "azurite@3" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var npm = Process.Start(start) ?? throw new InvalidOperationException("npm did not start; install Node.js with npm (apt install npm).");
        var output = npm.StandardOutput.ReadToEndAsync();
        var error = npm.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        await npm.WaitForExitAsync(limit.Token);
        Assert.True(npm.ExitCode == 0, $"npm install azurite failed: {await output}{await error}");
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

    private static string RepoRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "FineTuneGrid.slnx")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}

[CollectionDefinition(Name)]
public sealed class AzuriteCollection : ICollectionFixture<AzuriteFixture>
{
    public const string Name = "azurite";
}
