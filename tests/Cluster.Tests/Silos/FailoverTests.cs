using System.Globalization;
using FineTuneGrid.EndToEnd;
using Xunit.Abstractions;

namespace FineTuneGrid.Cluster;

/// <summary>SIGKILL of silos: trainers step on, control comes back by itself, nothing is done twice.</summary>
[Collection(TwoSilos.Name)]
public sealed class FailoverTests(TwoSilos cluster, ITestOutputHelper output)
{
    private static readonly TimeSpan SiloLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ClusterLimit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Job_SiloKilledMidRun_EndsThroughTheOtherWithTheSameBytes()
    {
        var took = await KillOneAsync(cluster.A, cluster.B, "team/failover");
        Tell("silo killed -> control restored", [took]);
        Assert.True(took < SiloLimit, $"{took.TotalSeconds:0.0} s");
    }

    [Fact]
    public async Task Cluster_KilledWholeAndStartedOnOtherPortsAtOnce_RecoversByItself()
    {
        var took = await KillAllAsync("team/total-loss");
        Tell("every silo killed -> control restored", [took]);
        Assert.True(took < ClusterLimit, $"{took.TotalSeconds:0.0} s");
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Silo_KilledTenTimes_IsReplacedWithinThirtySecondsAtP95()
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < 10; i++)
            times.Add(i % 2 == 0 ? await KillOneAsync(cluster.A, cluster.B, $"team/failover-{i}") : await KillOneAsync(cluster.B, cluster.A, $"team/failover-{i}"));
        Tell("silo killed -> control restored", times);
        Assert.True(Percentile(times, 95) < SiloLimit);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Cluster_KilledWholeFiveTimes_RecoversByItselfWithinNinetySeconds()
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < 5; i++) times.Add(await KillAllAsync($"team/total-loss-{i}"));
        Tell("every silo killed -> control restored", times);
        Assert.True(times.Max() < ClusterLimit);
    }

    private async Task<TimeSpan> KillOneAsync(GridProcess victim, GridProcess other, string adapter)
    {
        var job = await victim.SubmitAsync(TwoSilos.Job(adapter));
        await new JobEvents(victim, job).StepAsync(20);
        var trainer = cluster.Node.TrainerPid;
        Assert.NotNull(trainer);
        await TwoSilos.KillAsync(victim);
        var killed = DateTimeOffset.UtcNow;
        var events = new JobEvents(other, job);
        var took = await RestoredAsync(events, killed);
        // The one that trained when the silo died: its lease outlived the loss.
        Assert.True(cluster.Node.TrainerPid == trainer || cluster.Node.TrainerPid is null, $"another trainer. {cluster.Node.Log}");
        await cluster.EndsRightAsync(other, events, adapter);
        Assert.DoesNotContain(events.Seen, e => e.Type == "placement" && e.Text("attempt") is { } attempt && attempt != "1");
        await victim.LaunchAsync();
        Assert.Equal(2, (await TwoSilos.ActiveAsync(victim)).Count);
        return took;
    }

    private async Task<TimeSpan> KillAllAsync(string adapter)
    {
        var job = await cluster.A.SubmitAsync(TwoSilos.Job(adapter));
        await new JobEvents(cluster.A, job).StepAsync(20);
        await Task.WhenAll(TwoSilos.KillAsync(cluster.A), TwoSilos.KillAsync(cluster.B));
        var killed = DateTimeOffset.UtcNow;
        var (a, b) = (cluster.A.LaunchAsync(), cluster.B.LaunchAsync());
        await Task.WhenAll(a, b);
        var events = new JobEvents(cluster.B, job);
        var took = await RestoredAsync(events, killed);
        await cluster.EndsRightAsync(cluster.B, events, adapter);
        Assert.Equal(2, (await TwoSilos.ActiveAsync(cluster.A)).Count);
        return took;
    }

    /// <summary>From the kill until the job's grain, wherever it is now, has written down something new that its trainer reported.</summary>
    private static async Task<TimeSpan> RestoredAsync(JobEvents events, DateTimeOffset killed) =>
        (await events.UntilAsync(e => e.Time > killed, "an event that was written after the kill")).Time - killed;

    private void Tell(string what, IReadOnlyList<TimeSpan> times) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{what}: p50 {Percentile(times, 50).TotalSeconds:0.0} s, p95 {Percentile(times, 95).TotalSeconds:0.0} s of {times.Count} ({string.Join(' ', times.Select(t => t.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)))})"));

    private static TimeSpan Percentile(IReadOnlyList<TimeSpan> times, int percent) => times.Order().ElementAt(Math.Min(times.Count - 1, times.Count * percent / 100));
}
