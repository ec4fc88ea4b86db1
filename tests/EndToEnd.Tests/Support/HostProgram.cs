using System.Diagnostics;
using System.Text;

namespace FineTuneGrid.EndToEnd;

/// <summary>The host program as <c>./grid up</c> starts it.</summary>
internal static class HostProgram
{
    private static readonly TimeSpan RefusalLimit = TimeSpan.FromMinutes(2);

    public static Process Start(IEnumerable<string> arguments, Action<string> onLine, IReadOnlyDictionary<string, string>? environment = null) =>
        StartBare(["--roles", "silo,gateway,node", .. arguments], onLine, environment);

    private static Process StartBare(IEnumerable<string> arguments, Action<string> onLine, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])[Programs.Host, .. arguments]) start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Take(string? line)
        {
            if (line is not null) onLine(line);
        }
    }

    /// <summary>A start that is expected to end by itself: its exit code and all it said.</summary>
    public static Task<(int Code, string Output)> EndedAsync(params string[] arguments) => EndedAsync(null, arguments);

    public static Task<(int Code, string Output)> EndedAsync(IReadOnlyDictionary<string, string>? environment, params string[] arguments) =>
        EndAsync(["--roles", "silo,gateway,node", .. arguments], environment);

    /// <summary>Work on a store: <c>backup DIR</c> and the like.</summary>
    public static Task<(int Code, string Output)> MaintainAsync(params string[] arguments) => EndAsync(arguments);

    private static async Task<(int Code, string Output)> EndAsync(string[] arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var output = new StringBuilder();
        using var process = StartBare(arguments, line =>
        {
            lock (output) output.Append(line).Append('\n');
        }, environment);
        try
        {
            await process.WaitForExitAsync().WaitAsync(RefusalLimit);
            return (process.ExitCode, output.ToString());
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"the host was expected to end by itself, but ran on: {output}");
        }
    }
}
