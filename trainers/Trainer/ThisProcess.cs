using System.Globalization;
using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Trainer;

/// <summary>What a trainer does to be a process of its own: a session that outlives its agent's terminal, an identity, a last word.</summary>
internal static partial class ThisProcess
{
    /// <summary>Leaves the agent's process group, so that a signal to that group (Ctrl-C) does not end the trainer. Harmless where it cannot.</summary>
    public static void Detach()
    {
        if (OperatingSystem.IsLinux()) _ = SetSid();
    }

    /// <summary>Process id and start time (proc(5), field 22 of <c>stat</c>).</summary>
    public static TrainerIdentity Identity()
    {
        var stat = File.ReadAllText("/proc/self/stat");
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new TrainerIdentity(Environment.ProcessId, long.Parse(fields[19], CultureInfo.InvariantCulture));
    }

    public static void WriteFile<T>(string path, T value)
    {
        var temporary = path + ".new";
        File.WriteAllBytes(temporary, GridJson.ToBytes(value));
        File.Move(temporary, path, overwrite: true);
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSid();
}
