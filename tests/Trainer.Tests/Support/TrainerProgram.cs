using System.Diagnostics;

namespace FineTuneGrid.TrainerSupport;

/// <summary>The real trainer program, as it is built.</summary>
internal static class TrainerProgram
{
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Trainer.dll");

    public static Process Start(params string[] arguments) => StartIn(null, arguments);

    /// <param name="network">The network namespace that it runs in; null: this process's own.</param>
    public static Process StartIn(string? network, params string[] arguments)
    {
        string[] command = network is null ? ["dotnet"] : ["ip", "netns", "exec", network, "dotnet"];
        return Process.Start(new ProcessStartInfo(command[0], [.. command[1..], Path, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    /// <summary>Runs to the end; fails the test where it takes too long.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        return (process.ExitCode, await output, await errors);
    }
}
