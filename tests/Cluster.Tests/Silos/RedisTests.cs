using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Cluster;

/// <summary>Redis carries the membership and nothing else.</summary>
[Collection(TwoSilos.Name)]
public sealed class RedisTests(TwoSilos cluster)
{
    [Fact]
    public async Task Redis_KilledAndStartedAgainMidRun_LosesNothing()
    {
        const string adapter = "team/redis";
        var job = await cluster.A.SubmitAsync(TwoSilos.Job(adapter));
        var events = new JobEvents(cluster.B, job);
        await events.StepAsync(20);
        await cluster.Redis.KillAsync();
        var before = events.Seen.Count;
        await events.UntilAsync(e => e.Seq > before && e.Step is not null, "a step while there is no Redis");
        await cluster.Redis.StartAsync();
        await cluster.EndsRightAsync(cluster.B, events, adapter);
        Assert.Equal(2, (await TwoSilos.ActiveAsync(cluster.A)).Count);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Redis_Emptied_SilosEndAndMeetAgainWhenStarted()
    {
        const string adapter = "team/empty-redis";
        var job = await cluster.A.SubmitAsync(TwoSilos.Job(adapter));
        await new JobEvents(cluster.A, job).StepAsync(20);
        await cluster.Redis.EmptyAsync();
        await Task.WhenAll(cluster.A.HostEndedAsync(), cluster.B.HostEndedAsync());
        await Task.WhenAll(cluster.A.LaunchAsync(), cluster.B.LaunchAsync());
        await cluster.EndsRightAsync(cluster.B, new JobEvents(cluster.B, job), adapter);
        Assert.Equal(2, (await TwoSilos.ActiveAsync(cluster.A)).Count);
    }

    [Theory]
    [InlineData("127.0.0.1:1", "cannot be used: ")]
    [InlineData("127.0.0.1:6379,nonsense=1", "cannot be used: ")]
    public async Task Redis_ThatCannotBe_IsRefusedByName(string redis, string says)
    {
        var settings = new Dictionary<string, string>(cluster.Environment) { ["FTG__Clustering__Redis"] = redis };
        Assert.StartsWith($"error: The setting FTG__Clustering__Redis {says}", await Refusal.OfAsync(settings, "--roles", "silo,gateway"), StringComparison.Ordinal);
    }
}
