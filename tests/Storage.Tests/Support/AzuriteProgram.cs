using System.Diagnostics;

namespace FineTuneGrid.Storage.Tests;

/// <summary>Azurite, Microsoft's storage emulator: installed by npm on first use into GRID_TOOLS or artifacts/tools.</summary>
public static class AzuriteProgram
{
    /// <summary>The script that serves blobs; run it with node.</summary>
    public static async Task<string> ScriptAsync()
    {
        var tools = Environment.GetEnvironmentVariable("GRID_TOOLS") is { Length: > 0 } given ? given : Path.Combine(RepoRoot(), "artifacts", "tools");
        var folder = Path.Combine(tools, "azurite");
        var script = Path.Combine(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        if (!File.Exists(script))
            await InstallAsync(folder);
        return script;
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
        if (npm.ExitCode != 0)
            throw new InvalidOperationException($"npm install azurite failed: {await output}{await error}");
    }

    private static string RepoRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "FineTuneGrid.slnx")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
