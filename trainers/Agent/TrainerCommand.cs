using System.Collections;
using System.Diagnostics;
using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Agent;

/// <summary>How trainer processes are started: which program, with which environment.</summary>
internal static class TrainerCommand
{
    private const string Program = "FineTuneGrid.Trainer.dll";

    /// <summary>A trainer sees only these of the agent's variables: it holds no secret but its own.</summary>
    private static readonly string[] Inherited =
        ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "DOTNET_ROOT", "LD_LIBRARY_PATH", "GRID_LIBTORCH", "GRID_SHIM_CACHE", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"];

    /// <summary>Where spans and figures go: trainers send theirs to the same collector.</summary>
    private const string TelemetryVariables = "OTEL_";

    private static readonly string[] ThreadVariables = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"];

    /// <summary>
    /// <c>FTG_TRAINER</c>, or <c>FineTuneGrid.Trainer.dll</c> beside the running program, or in the trainer's own output folder
    /// where the running program is in its own (<c>bin/PROJECT/CONFIGURATION</c>).
    /// </summary>
    /// <exception cref="GridException"><c>not_found</c>: it is at none of these places.</exception>
    public static IReadOnlyList<string> Default()
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var sibling = Path.Combine(here, "..", "..", "FineTuneGrid.Trainer", Path.GetFileName(here), Program);
        var place = new[] { Environment.GetEnvironmentVariable("FTG_TRAINER"), Path.Combine(here, Program), sibling }.FirstOrDefault(File.Exists)
            ?? throw new GridException(ErrorCodes.NotFound, $"{Program} is neither in '{here}' nor beside it; build it, or set FTG_TRAINER to its path.");
        return place.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", Path.GetFullPath(place)] : [Path.GetFullPath(place)];
    }

    /// <summary>
    /// The shell only redirects and is then replaced by the trainer, whose output thus goes to a file and outlives the agent.
    /// </summary>
    public static ProcessStartInfo StartInfo(IReadOnlyList<string> command, IReadOnlyList<string> arguments, string logFile, int threads, string device)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        foreach (var argument in (string[])["-c", "exec \"$@\" </dev/null >>\"$FTG_LOG\" 2>&1", "sh", .. command, .. arguments])
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var name in Inherited)
            if (Environment.GetEnvironmentVariable(name) is { } value) start.Environment[name] = value;
        foreach (var (name, value) in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => ((string)v.Key, (string?)v.Value)))
            if (name.StartsWith(TelemetryVariables, StringComparison.Ordinal)) start.Environment[name] = value;
        foreach (var name in ThreadVariables)
            start.Environment[name] = threads.ToString(CultureInfo.InvariantCulture);
        if (device.StartsWith("cuda", StringComparison.Ordinal)) start.Environment["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8";
        start.Environment["OMP_WAIT_POLICY"] = "PASSIVE"; // Threads that spin while they wait starve each other on a shared machine.
        start.Environment["FTG_LOG"] = logFile;
        start.Environment["DOTNET_gcServer"] = "0";
        return start;
    }
}
