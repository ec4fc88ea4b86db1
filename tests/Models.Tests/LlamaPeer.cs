using System.Diagnostics;
using System.Text.Json;

namespace FineTuneGrid.Models.Tests;

/// <param name="Prompt">Token ids.</param>
/// <param name="Count">Ids to choose behind it.</param>
/// <param name="Text">To be encoded.</param>
internal sealed record LlamaRequest(string Model, string? Adapter, int[] Prompt, int Count, string? Text = null);

internal sealed record LlamaAnswer(int[] Ids, double[] Logprobs, int[]? Text, string? Error);

/// <summary>llama.cpp, as the npm package node-llama-cpp carries it: installed on first use into GRID_TOOLS or artifacts/tools.</summary>
internal static class LlamaPeer
{
    private const string Version = "3.22.1";
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Several requests, one process.</summary>
    public static async Task<LlamaAnswer[]> AskAsync(IReadOnlyList<LlamaRequest> requests)
    {
        var tools = await InstalledAsync();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(requests, Options));
            var output = await RunAsync("node", [Path.Combine(AppContext.BaseDirectory, "peer", "llama.mjs"), file, tools], TimeSpan.FromMinutes(5));
            var line = output.Split('\n').Single(l => l.StartsWith("RESULT ", StringComparison.Ordinal));
            return JsonSerializer.Deserialize<LlamaAnswer[]>(line["RESULT ".Length..], Options)!;
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<string> InstalledAsync()
    {
        var tools = Environment.GetEnvironmentVariable("GRID_TOOLS") is { Length: > 0 } given ? given : Path.Combine(RepoRoot(), "artifacts", "tools");
        var folder = Path.Combine(tools, "llama");
        if (Directory.Exists(Path.Combine(folder, "node_modules", "@node-llama-cpp", "linux-x64")) && File.Exists(Path.Combine(folder, "package.json")))
            return folder;
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "package.json"), """{"name":"peer","private":true}""");
        // Without the optional ones, which are builds for other machines.
        await RunAsync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel", "error", "--omit=optional", "--ignore-scripts",
            $"node-llama-cpp@{Version}", $"@node-llama-cpp/linux-x64@{Version}"], TimeSpan.FromMinutes(5));
        return folder;
    }

    private static async Task<string> RunAsync(string program, string[] arguments, TimeSpan most)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start; install Node.js with npm (apt install nodejs npm).");
        using var limit = new CancellationTokenSource(most);
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {arguments[0]} did not end within {most}.");
        }
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{program} {arguments[0]} ended with {process.ExitCode}: {await output}{await errors}");
    }

    private static string RepoRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "FineTuneGrid.slnx")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
