using System.Diagnostics;
using FineTuneGrid.Scheduling.Simulation;

namespace FineTuneGrid.Scheduling.Tests;

public sealed class SimulatorTests
{
    private const int SlowSeeds = 10_000;

    [Fact]
    public void AllGuards_TwoThousandSeeds_BreakNothing() => Assert.True(RunAll(2_000).Commits > 20_000);

    [Fact]
    [Trait("Category", "Slow")]
    public void AllGuards_TenThousandSeeds_BreakNothingInAMinuteOnOneCore()
    {
        var watch = Stopwatch.StartNew();
        Assert.True(RunAll(SlowSeeds).Commits > 100_000);
        Assert.True(watch.Elapsed.TotalSeconds < 60, $"It took {watch.Elapsed.TotalSeconds:0} s.");
    }

    [Fact]
    public void SameSeed_RunTwice_GivesTheSameTrace()
    {
        var hashes = new HashSet<ulong>();
        for (var seed = 1UL; seed <= 50; seed++)
        {
            var first = Simulator.Run(seed);
            Assert.Equal(first, Simulator.Run(seed));
            hashes.Add(first.TraceHash);
        }
        Assert.Equal(50, hashes.Count);
    }

    public static TheoryData<Guards> EachGuard() =>
        [.. Enum.GetValues<Guards>().Where(g => g is not (Guards.None or Guards.All))];

    [Theory]
    [MemberData(nameof(EachGuard))]
    public void GuardRemoved_WithinTenThousandSeeds_IsFoundOutAndReplays(Guards guard)
    {
        for (var seed = 1UL; seed <= SlowSeeds; seed++)
        {
            var result = Simulator.Run(seed, Guards.All & ~guard);
            if (result.Violation is null)
                continue;
            Assert.Equal(result, Simulator.Run(seed, Guards.All & ~guard));
            Assert.Null(Simulator.Run(seed).Violation);
            return;
        }
        Assert.Fail($"Nothing breaks without {guard}: it guards nothing, or the simulator does not see what it guards.");
    }

    [Fact]
    public void Guards_AreAllInTheSet() => Assert.Equal(Guards.All, Enum.GetValues<Guards>().Where(g => g != Guards.All).Aggregate((all, each) => all | each));

    private static (long Commits, long Steps) RunAll(int seeds)
    {
        var (commits, steps) = (0L, 0L);
        for (var seed = 1UL; seed <= (ulong)seeds; seed++)
        {
            var result = Simulator.Run(seed);
            Assert.True(result.Violation is null, $"Seed {seed}: {result.Violation}");
            commits += result.Commits;
            steps += result.Steps;
        }
        return (commits, steps);
    }
}
