using System.Globalization;
using System.Runtime.InteropServices;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>What <c>/proc</c> says of a process that may not be our child (proc(5)).</summary>
internal static partial class ProcFs
{
    public const int SigTerm = 15;
    public const int SigKill = 9;

    private const int OpenForPath = 0x200000 | 0x80000; // O_PATH | O_CLOEXEC, the same on x86-64 and arm64

    /// <summary>State letter and start time in clock ticks since boot; null where there is no such process.</summary>
    public static (char State, long StartTicks)? Stat(int pid)
    {
        try
        {
            return ParseStat(File.ReadAllText($"/proc/{pid}/stat"));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Fields 3 and 22; the command name between parentheses may itself hold blanks and parentheses.</summary>
    internal static (char State, long StartTicks)? ParseStat(string stat)
    {
        var close = stat.LastIndexOf(')');
        if (close < 0) return null;
        var fields = stat[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 19 && long.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) ? (fields[0][0], ticks) : null;
    }

    /// <summary>A zombie is dead: where nobody reaps it, it stays one.</summary>
    public static bool IsAlive(int pid, long startTicks) =>
        Stat(pid) is var (state, ticks) && ticks == startTicks && state is not ('Z' or 'X');

    /// <summary>Stopped by SIGSTOP.</summary>
    public static bool IsStopped(int pid, long startTicks) => Stat(pid) is var (state, ticks) && ticks == startTicks && state == 'T';

    /// <summary>Sends a signal to exactly that process: a successor with the same id is spared.</summary>
    public static void Signal(int pid, long startTicks, int signal)
    {
        if (IsAlive(pid, startTicks)) _ = Kill(pid, signal);
    }

    /// <summary>An <c>O_PATH</c> handle of a folder, through which a socket is reached whose own path is too long for <c>sun_path</c>.</summary>
    public static int OpenFolder(string path)
    {
        var handle = Open(path, OpenForPath);
        return handle >= 0 ? handle : throw new IOException($"cannot open the folder '{path}' (errno {Marshal.GetLastPInvokeError()})");
    }

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int CloseFolder(int handle);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
