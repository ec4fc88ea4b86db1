using System.Diagnostics;

namespace FineTuneGrid.EndToEnd;

/// <summary>A foreign program run to its end.</summary>
internal static class Shell
{
    public static async Task<string> RunAsync(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(Eventually.Limit);
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
