using System.Diagnostics;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>A trainer process: our child, or one that an earlier agent started.</summary>
internal sealed class TrainerProcess : IDisposable
{
    private static readonly TimeSpan AdoptedCheck = TimeSpan.FromMilliseconds(250);

    private readonly Process? _child;
    private readonly TrainerIdentity _identity;
    private readonly SessionFolder _folder;
    private readonly TimeProvider _time;

    private TrainerProcess(Process? child, TrainerIdentity identity, SessionFolder folder, TimeProvider time) =>
        (_child, _identity, _folder, _time) = (child, identity, folder, time);

    public int Pid => _identity.Pid;

    public bool IsAlive => _child is { } child ? !child.HasExited : ProcFs.IsAlive(_identity.Pid, _identity.StartTicks);

    public bool IsStopped => ProcFs.IsStopped(_identity.Pid, _identity.StartTicks);

    /// <exception cref="System.ComponentModel.Win32Exception">The shell cannot be started.</exception>
    public static TrainerProcess Start(ProcessStartInfo start, SessionFolder folder, TimeProvider time)
    {
        var child = Process.Start(start) ?? throw new InvalidOperationException("the operating system started no process");
        var ticks = ProcFs.Stat(child.Id)?.StartTicks ?? 0;
        return new TrainerProcess(child, new TrainerIdentity(child.Id, ticks), folder, time);
    }

    /// <summary>The living process of the folder; null where it is gone.</summary>
    public static TrainerProcess? Adopt(SessionFolder folder, TimeProvider time) =>
        folder.Identity is { } identity && ProcFs.IsAlive(identity.Pid, identity.StartTicks) ? new TrainerProcess(null, identity, folder, time) : null;

    public void Signal(int signal) => ProcFs.Signal(_identity.Pid, _identity.StartTicks, signal);

    /// <summary>Waits for the end, also of a process that is not our child, which no system call reports.</summary>
    public async Task<(int? Code, string? Signal)> WaitAsync(CancellationToken cancellation)
    {
        if (_child is { } child)
        {
            await child.WaitForExitAsync(cancellation);
            return Decode(child.ExitCode);
        }
        using var timer = new PeriodicTimer(AdoptedCheck, _time);
        while (IsAlive)
            await timer.WaitForNextTickAsync(cancellation);
        return _folder.Exit is { } exit ? (exit.Code, null) : (null, null);
    }

    public void Dispose() => _child?.Dispose();

    /// <summary>.NET gives 128 + n for a process that signal n ended.</summary>
    private static (int? Code, string? Signal) Decode(int code) => code switch
    {
        128 + 6 => (code, "SIGABRT"),
        128 + 9 => (code, "SIGKILL"),
        128 + 11 => (code, "SIGSEGV"),
        128 + 15 => (code, "SIGTERM"),
        _ => (code, null),
    };
}
