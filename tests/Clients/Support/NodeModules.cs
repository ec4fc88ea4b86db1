using System.Collections.Concurrent;
using System.Diagnostics;

namespace FineTuneGrid.Clients.Tests.Support;

/// <summary>What a folder's package.json names: installed by npm on first use into GRID_TOOLS or artifacts/tools.</summary>
internal static class NodeModules
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Installed = new();

    public static string Repository { get; } = RepoRoot();

    /// <summary>The folder that holds node_modules.</summary>
    /// <param name="tests">The folder below tests with the package.json; by default that of the official clients.</param>
    public static Task<string> FolderAsync(string tests = "Clients") => Installed.GetOrAdd(tests, name => new Lazy<Task<string>>(() => InstallAsync(name))).Value;

    private static async Task<string> InstallAsync(string tests)
    {
        var wanted = await File.ReadAllTextAsync(Path.Combine(Repository, "tests", tests, "package.json"));
        var tools = Environment.GetEnvironmentVariable("GRID_TOOLS") is { Length: > 0 } given ? given : Path.Combine(Repository, "artifacts", "tools");
        var folder = Directory.CreateDirectory(Path.Combine(tools, tests.ToLowerInvariant())).FullName;
        var (list, done) = (Path.Combine(folder, "package.json"), Path.Combine(folder, "installed.json"));
        if (File.Exists(done) && await File.ReadAllTextAsync(done) == wanted) return folder;
        await File.WriteAllTextAsync(list, wanted);
        await Programs.RunAsync(folder, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error");
        File.Copy(list, done, overwrite: true);
        return folder;
    }

    private static string RepoRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "FineTuneGrid.slnx"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}

/// <summary>A foreign program run to its end.</summary>
internal static class Programs
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <returns>What it wrote on standard output.</returns>
    public static async Task<string> RunAsync(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end: {await output} {await errors}");
        }
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {await output} {await errors}");
        return await output;
    }
}
