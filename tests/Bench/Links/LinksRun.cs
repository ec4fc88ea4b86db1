using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Links;

/// <summary>
/// All runs of the bench. For each seed: low-bandwidth mode over the slow link and over the fast one, and synchronous training over the
/// fast one, in an order that turns from seed to seed; at the end some synchronous steps over the slow link, for their bytes and speed.
/// </summary>
internal static class LinksRun
{
    /// <param name="stop">Where the bench is told to end, its trainers and networks end with it.</param>
    public static async Task<bool> RunAsync(LinksPlan plan, CancellationToken stop)
    {
        BenchOutput.Quiet();
        using var link = SlowLink.Create(plan.Link);
        var probe = LinkProbe.Of(link, slow: true);
        BenchOutput.Progress($"the slow link: {probe.RoundTripMs:0.0} ms there and back, {probe.RateMbit:0.0} Mb/s");
        await using var pair = await LinkedPair.StartAsync(link, plan);
        var runs = new List<LinkedRun>();
        for (var seed = 1; seed <= plan.Seeds; seed++)
        {
            Way[] ways =
            [
                new(Way.Low, Way.Slow, plan.LocalSteps, plan.Steps),
                new(Way.Low, Way.Fast, plan.LocalSteps, plan.Steps),
                new(Way.Synchronous, Way.Fast, null, plan.Steps),
            ];
            for (var i = 0; i < ways.Length; i++) runs.Add(await TakeAsync(pair, ways[(seed + i) % ways.Length], seed, stop));
        }
        runs.Add(await TakeAsync(pair, new Way(Way.Synchronous, Way.Slow, null, LinksPlan.LeastWindows * plan.LocalSteps), plan.Seeds, stop));
        var summary = new LinksSummary(plan, probe, runs);
        BenchOutput.Line(summary.Line());
        return summary.Ok;
    }

    private static async Task<LinkedRun> TakeAsync(LinkedPair pair, Way way, int seed, CancellationToken stop)
    {
        var run = await pair.RunAsync(way, seed).WaitAsync(stop);
        BenchOutput.Line(run.Line());
        return run;
    }
}
