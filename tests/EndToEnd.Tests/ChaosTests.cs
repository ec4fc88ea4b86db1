using System.Diagnostics;
using System.Text.Json;
using FineTuneGrid.Chaos;

namespace FineTuneGrid.EndToEnd;

/// <summary>The chaos tool: its schedule is a function of the seed, its audit misses nothing, and a run of it comes out clean.</summary>
public sealed class ChaosTests
{
    private const int Steps = 4;
    private const int BatchSize = 8;

    private static readonly EndedJob Sound = new("job-1", "chaos/job-1", "succeeded", "aa", ["aa"], [1, 2, 3, 4], [(2, 16), (4, 32)]);
    private static readonly EndedCluster Calm = new(3, 3, 0, 0, []);

    [Fact]
    public void Plan_IsAFunctionOfTheSeed_AndHitsEverythingInTheEnd()
    {
        static IEnumerable<Fault> Plan(int seed) => FaultPlan.Of(seed, new ClusterShape(1, 3, SmallDisks: true)).Take(300);
        Assert.Equal(Plan(5), Plan(5));
        Assert.NotEqual(Plan(5), Plan(6));
        Assert.Equal(Enum.GetValues<FaultKind>().Where(k => k != FaultKind.KillRedis), Plan(5).Select(f => f.Kind).Distinct().Order());
        var several = FaultPlan.Of(5, new ClusterShape(2, 3)).Take(300).Select(f => f.Kind).Distinct().ToList();
        Assert.Contains(FaultKind.KillRedis, several);
        Assert.DoesNotContain(FaultKind.CutLink, several);
        Assert.DoesNotContain(FaultKind.FillNodeDisk, several);
        Assert.Equal([0, 1, 2], Plan(5).Select(f => f.Node).Distinct().Order());
    }

    [Fact]
    public void Audit_OfASoundEnd_FindsNothing() => Assert.Empty(Audit.Check(["job-1"], [Sound], Calm, Steps, BatchSize));

    public static TheoryData<string, string> Breaks => new()
    {
        { "lost", "is gone" }, { "doubled", "one job" }, { "failed", "ended as" }, { "published twice", "versions" }, { "never published", "versions" }, { "other bytes", "undisturbed" },
        { "step twice", "each of" }, { "step missing", "each of" }, { "uncommitted", "not committed" }, { "sample twice", "samples" }, { "node gone", "nodes" }, { "slot leaked", "slots" },
        { "stuck", "wait" }, { "orphan", "gone" },
    };

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Audit_NamesWhatIsBroken(string how, string named)
    {
        var (accepted, job, cluster) = how switch
        {
            "lost" => (["job-1", "job-2"], Sound, Calm),
            "doubled" => (["job-1", "job-1"], Sound, Calm),
            "failed" => (["job-1"], Sound with { Status = "failed" }, Calm),
            "published twice" => (["job-1"], Sound with { Digests = ["aa", "aa"] }, Calm),
            "never published" => (["job-1"], Sound with { Digests = [] }, Calm),
            "other bytes" => (["job-1"], Sound with { Digests = ["bb"] }, Calm),
            "step twice" => (["job-1"], Sound with { Steps = [1, 2, 2, 3, 4] }, Calm),
            "step missing" => (["job-1"], Sound with { Steps = [1, 2, 4] }, Calm),
            "uncommitted" => (["job-1"], Sound with { Checkpoints = [(2, 16)] }, Calm),
            "sample twice" => (["job-1"], Sound with { Checkpoints = [(4, 40)] }, Calm),
            "node gone" => (["job-1"], Sound, Calm with { LiveNodes = 2 }),
            "slot leaked" => (["job-1"], Sound, Calm with { Placed = 1 }),
            "stuck" => (["job-1"], Sound, Calm with { Waiting = 1 }),
            "orphan" => ((string[])["job-1"], Sound, Calm with { Left = ["pid 1"] }),
            _ => throw new ArgumentOutOfRangeException(nameof(how)),
        };
        Assert.Contains(named, Assert.Single(Audit.Check(accepted, [job], cluster, Steps, BatchSize)), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Storm_OfTwoMinutes_BreaksNothing()
    {
        var start = new ProcessStartInfo("dotnet") { ArgumentList = { Programs.Chaos, "--minutes", "2", "--seed", "7" }, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, told) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(15));
        Assert.True(process.ExitCode == 0, $"{await output}{await told}");
        var report = JsonDocument.Parse(await output).RootElement;
        Assert.Equal(0, report.GetProperty("broken").GetArrayLength());
        Assert.InRange(report.GetProperty("jobs").GetInt32(), 4, 1000);
        Assert.InRange(report.GetProperty("faults").EnumerateObject().Sum(f => f.Value.GetInt32()), 10, 200);
    }
}
