using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;
using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>Workers on machines that a slow link joins: two network namespaces, a token bucket on each side, packets that are kept.</summary>
[Trait("Category", "Slow")]
public sealed class SlowLinkTests : IDisposable
{
    private static readonly LinkShape Shape = new(RateMbit: 20, DelayMs: 20);

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [LinkFact]
    public void Link_OfARateAndADelay_HasThemAndTheFastOneHasNot()
    {
        using var link = SlowLink.Create(Shape);

        var (slow, before) = (LinkProbe.Of(link, slow: true, bytes: 4 << 20), link.SentBytes(slow: true));
        var fast = LinkProbe.Of(link, slow: false, bytes: 4 << 20);

        Assert.InRange(slow.RoundTripMs, 40, 200);
        Assert.InRange(slow.RateMbit, 5, 21);
        Assert.True(before > 4 << 20, $"{before} bytes were counted");
        Assert.True(fast.RoundTripMs < slow.RoundTripMs && fast.RateMbit > slow.RateMbit, $"{fast} is no faster than {slow}");
        // The closing of a connection may still be counted, but none of what the fast one was sent.
        Assert.InRange(link.SentBytes(slow: true) - before, 0, 10_000);
    }

    [LinkFact]
    public async Task Gang_OverASlowLink_HasTheBitsOfOneWorkerAndEndsWhereTheLinkIsCut()
    {
        using var link = SlowLink.Create(Shape);
        await using var alone = await FakeAgent.StartAsync(_store);
        await using var first = await FakeAgent.StartAsync(_store, network: link.Side(0).Name);
        await using var second = await FakeAgent.StartAsync(_store, network: link.Side(1).Name);
        var expected = await GangRun.StartAsync(_store, _store.Order("job-alone"), [alone]);
        var apart = await StartAsync(_store.Order("job-apart"));

        Assert.Equal((await expected.FinishAsync()).Result.WeightsSha256, (await apart.FinishAsync()).Result.WeightsSha256);
        // Where the exchange goes on beside steps, it takes the same number of them, however long it is under way.
        Assert.Equal(await LocalAsync("job-local-slow", slow: true), await LocalAsync("job-local-fast", slow: false));

        var cut = await StartAsync(_store.Order("job-cut", change: j => { GangExactnessTests.Stoppable(j); j["optimizer"]!["epochs"] = 20_000; }));
        await cut.CommittedAsync();
        link.Cut();
        Assert.Equal(TrainerProtocol.GangBrokenExitCode, await first.ExitAsync());
        Assert.Equal(TrainerProtocol.GangBrokenExitCode, await second.ExitAsync());
        Assert.Contains("worker 1 gave no sign of life", await first.Output);

        Task<GangRun> StartAsync(TrainingOrder order, bool slow = true) =>
            GangRun.StartAsync(_store, order, [first, second], silenceSeconds: 3, address: rank => SlowLink.Address(rank, slow));

        async Task<string> LocalAsync(string jobId, bool slow)
        {
            var order = _store.Order(jobId, change: json =>
            {
                GangExactnessTests.Lasting(json);
                json["optimizer"]!["local_steps"] = 8;
                json["checkpoint"]!["every_steps"] = 800;
                json["resources"] = new JsonObject { ["workers"] = 2 };
                json["mode"] = "fast";
            });
            var run = await StartAsync(order with { Resolved = order.Resolved with { Mode = "fast" } }, slow);
            return (await run.FinishAsync()).Result.WeightsSha256;
        }
    }
}
