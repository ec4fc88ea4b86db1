using System.CommandLine;
using System.Diagnostics;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Bench;

/// <summary>Trainers that were taken for dead wake up behind their successors: none of their late commits may be taken.</summary>
internal static class ZombiesBench
{
    private const int ProgressEvery = 10;

    public static Command Command()
    {
        var count = BenchOptions.Number("--count", 100, 100_000, "Trainers to be stopped.");
        var seed = BenchOptions.Seed();
        var lease = new Option<double?>("--lease") { Description = "Seconds of the trainers' own lease, past which they stand still; without it they believe in theirs, and only the store refuses them." };
        lease.Validators.Add(r => { if (r.GetValueOrDefault<double?>() is not (null or >= 5 and <= 600)) r.AddError("--lease must be 5 to 600 seconds: a trainer has to start within it"); });
        var command = new Command("zombies", "Stops trainers (SIGSTOP), lets successors commit, continues them, and checks that their commits are refused.") { count, seed, lease };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(count), parsed.GetValue(seed), parsed.GetValue(lease)));
        return command;
    }

    private static async Task<int> RunAsync(int count, int seed, double? lease)
    {
        var started = Stopwatch.GetTimestamp();
        using var store = new TestStore();
        await using var zombies = new Zombies(store, seed, lease);
        var seen = new List<Zombie>();
        while (seen.Count < count)
        {
            seen.Add(await zombies.NextAsync());
            if (seen[^1].Violation is { } violation) BenchOutput.Progress($"zombie {seen.Count}: {violation}");
            if (seen.Count % ProgressEvery == 0) BenchOutput.Progress($"{seen.Count} of {count}");
        }
        var refused = seen.Count(z => z.RefusedByTheStore);
        var violations = seen.Count(z => z.Violation is not null);
        BenchOutput.Line(new
        {
            Bench = "zombies",
            Zombies = count,
            Seed = seed,
            LeaseSeconds = lease,
            RefusedByTheStore = refused,
            EndedByTheirLease = lease is null ? 0 : count - refused,
            Violations = violations,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
        });
        return violations == 0 && (lease is not null || refused == count) ? 0 : 1;
    }
}
