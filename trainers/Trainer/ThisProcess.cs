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

    /// <summary>The process that started this one; another one after that has ended.</summary>
    public static int ParentId() => OperatingSystem.IsWindows() ? 0 : GetParentId();

    /// <summary>Lets jobs on the same processors go first. Call it on the thread that computes: its helpers inherit it.</summary>
    public static void GiveWay()
    {
        if (OperatingSystem.IsLinux()) _ = Nice(10);
    }

    public static void WriteFile<T>(string path, T value)
    {
        var temporary = path + ".new";
        File.WriteAllBytes(temporary, GridJson.ToBytes(value));
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Ends without the libraries' own clean-up.</summary>
    public static void EndNow(int code)
    {
        Console.Out.Flush();
        Console.Error.Flush();
        if (OperatingSystem.IsWindows()) Environment.Exit(code);
        else ExitNow(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSid();

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int GetParentId();

    [LibraryImport("libc", EntryPoint = "nice")]
    private static partial int Nice(int increment);
}
