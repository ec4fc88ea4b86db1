using System.CommandLine;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Bench.Memory;

/// <summary>What jobs take of a trainer's memory, beside what their plans say.</summary>
internal static class MemoryBench
{
    /// <summary>How far a plan may be off.</summary>
    private const double Allowed = 0.15;

    public static Command Command()
    {
        var only = new Option<string?>("--only") { Description = "Cases whose names contain this." };
        var command = new Command("memory", "Measures the peak memory of jobs in a real trainer beside the estimate by which they are admitted.") { only };
        command.SetAction((parsed, stop) => RunAsync(parsed.GetValue(only), stop));
        return command;
    }

    private static async Task<int> RunAsync(string? only, CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux())
        {
            BenchOutput.Progress("this machine cannot run the bench: a process's peak is read from Linux's /proc");
            return 2;
        }
        var ok = true;
        foreach (var wanted in MemoryCases.All.Where(c => only is null || c.Name.Contains(only, StringComparison.Ordinal)))
        {
            var peak = await MemoryProbe.RunAsync(wanted).WaitAsync(stop);
            var within = Math.Abs(peak.PeakOfPlanned - 1) <= Allowed;
            ok &= within;
            BenchOutput.Line(new
            {
                Bench = "memory",
                Case = wanted.Name,
                Unit = "MB",
                Value = Math.Round(peak.PeakBytes / 1e6, 1),
                PeerValue = Math.Round(peak.PlannedBytes / 1e6, 1),
                Ratio = Math.Round(peak.PeakOfPlanned, 3),
                StepMs = Math.Round(peak.StepSeconds * 1000),
                Ok = within,
            });
        }
        return ok ? 0 : 1;
    }
}
