using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Cluster;

/// <summary>A start that ends with 2 and one line.</summary>
internal static class Refusal
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static async Task<string> OfAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var data = GridProcess.NewDataDirectory();
        try
        {
            var output = new List<string>();
            using var host = HostProgram.Start(["--data", data, "--port", "0", "--no-samples", .. arguments], line =>
            {
                lock (output) output.Add(line);
            }, environment);
            try
            {
                await host.WaitForExitAsync().WaitAsync(Limit);
            }
            catch (TimeoutException)
            {
                host.Kill(entireProcessTree: true);
                throw new TimeoutException($"the host was expected to refuse its settings, but ran on: {string.Join('\n', output)}");
            }
            Assert.True(host.ExitCode == 2, $"ended with {host.ExitCode}: {string.Join('\n', output)}");
            return Assert.Single(output, line => line.StartsWith("error: ", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}
