using System.CommandLine;
using System.Diagnostics;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Bench;

/// <summary>A process that commits checkpoints is killed at random moments, again and again; after each the store is read.</summary>
internal static class WriterKillsBench
{
    private const int ProgressEvery = 100;

    public static Command Command()
    {
        var count = BenchOptions.Number("--count", 1000, 1_000_000, "Kills.");
        var seed = BenchOptions.Seed();
        var command = new Command("writer-kills", "Kills a checkpoint writer at random moments and reads the store after each as a resuming trainer would.") { count, seed };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(count), parsed.GetValue(seed)));
        return command;
    }

    private static async Task<int> RunAsync(int count, int seed)
    {
        var started = Stopwatch.GetTimestamp();
        var root = Directory.CreateTempSubdirectory("ftg-writer-kills-").FullName;
        using var kills = new WriterKills(root, seed);
        var rounds = new List<WriterKill>();
        while (rounds.Count < count)
        {
            rounds.Add(await kills.NextAsync());
            if (rounds[^1].Violation is { } violation) BenchOutput.Progress($"kill {rounds.Count}: {violation}");
            if (rounds.Count % ProgressEvery == 0) BenchOutput.Progress($"{rounds.Count} of {count} kills, step {rounds[^1].Restored}");
        }
        var violations = rounds.Count(r => r.Violation is not null);
        BenchOutput.Line(new
        {
            Bench = "writer-kills",
            Kills = count,
            Seed = seed,
            Unreadable = rounds.Count(r => !r.IsReadable),
            OlderThanAcknowledged = rounds.Count(r => r.IsReadable && r.Restored < r.Acknowledged),
            Violations = violations,
            CommittedButNotAcknowledged = rounds.Count(r => r.Restored > r.Acknowledged),
            CutOffWithinAWrite = rounds.Count(r => r.WasWriting),
            Steps = rounds[^1].Restored,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
        });
        if (violations == 0) Directory.Delete(root, recursive: true);
        else BenchOutput.Progress($"the store is kept in {root}");
        return violations == 0 ? 0 : 1;
    }
}
