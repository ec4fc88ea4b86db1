using System.Runtime.InteropServices;

namespace FineTuneGrid.EndToEnd;

internal enum Part
{
    Host,
    Agent,
    Trainer,

    /// <summary>Keeps a base in memory to answer with it; it belongs to its agent, and ends with it.</summary>
    Resident,
}

internal sealed record GridPart(int Pid, Part Part);

/// <summary>The processes of one grid, found as an operator would: by its data directory in their command lines.</summary>
internal static partial class ProcessTable
{
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigCont = 18;
    public const int SigStop = 19;

    public static IReadOnlyList<GridPart> Of(string data)
    {
        var parts = new List<GridPart>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var pid) && Arguments(folder) is { Length: > 1 } arguments && Classify(arguments, data) is { } part)
                parts.Add(new GridPart(pid, part));
        }
        return parts;
    }

    /// <summary>The trainer of a session; null where none runs.</summary>
    public static int? TrainerOf(string data, string session)
    {
        foreach (var part in Of(data).Where(p => p.Part == Part.Trainer))
            if (Arguments($"/proc/{part.Pid}")?.Any(a => a.EndsWith($"/sessions/{session}", StringComparison.Ordinal)) == true) return part.Pid;
        return null;
    }

    public static void Signal(int pid, int signal) => _ = Kill(pid, signal);

    private static Part? Classify(string[] arguments, string data)
    {
        // A shell that is about to become a trainer is not one yet.
        if (arguments[0].EndsWith("/sh", StringComparison.Ordinal) || !arguments.Any(a => a == data || a.StartsWith(data + "/", StringComparison.Ordinal))) return null;
        if (arguments.Any(a => a.EndsWith("FineTuneGrid.Trainer.dll", StringComparison.Ordinal))) return arguments.Contains("serve") ? Part.Resident : Part.Trainer;
        if (!arguments.Any(a => a.EndsWith("FineTuneGrid.Host.dll", StringComparison.Ordinal))) return null;
        return arguments.Contains("--child") ? Part.Agent : Part.Host;
    }

    private static string[]? Arguments(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // It has ended meanwhile, or is somebody else's.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
