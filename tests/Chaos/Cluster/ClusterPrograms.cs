using System.Diagnostics;
using System.Globalization;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>The programs beside our own that a cluster stands on.</summary>
internal static class ClusterPrograms
{
    /// <summary>As many silos as the build can have: the subset of Orleans makes no cluster of several.</summary>
    public const int Silos =
#if GRID_AIRGAP
        1;
#else
        2;
#endif

    /// <param name="script">Of the storage emulator.</param>
    public static Process Store(string script, string data, int port, Action<string> line) => Start("node", data, line,
        script, "--blobPort", Text(port), "--location", data, "--skipApiVersionCheck", "--disableTelemetry", "--disableProductStyleUrl", "--silent");

    /// <summary>Each write is on disk before it is answered.</summary>
    public static Process Redis(string data, int port, Action<string> line) => Start("redis-server", data, line,
        "--port", Text(port), "--bind", "127.0.0.1", "--dir", data, "--appendonly", "yes", "--appendfsync", "always", "--save", "");

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Process Start(string program, string folder, Action<string> line, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Directory.CreateDirectory(folder).FullName };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, e) => line(e.Data ?? "");
        process.ErrorDataReceived += (_, e) => line(e.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
