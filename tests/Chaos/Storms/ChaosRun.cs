using System.Diagnostics;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Chaos;

internal sealed record ChaosOptions(TimeSpan Length, int Seed, int Silos, int Nodes);

/// <summary>One run: quiet references, the storm over a stream of jobs, calm, the audit. One JSON line at the end; exit code 1 where a promise is broken.</summary>
internal static class ChaosRun
{
    private const int Steps = 60;
    private const int CheckpointEvery = 10;

    private static readonly TimeSpan JobLimit = TimeSpan.FromMinutes(10);

    public static async Task<int> RunAsync(ChaosOptions options)
    {
        var started = Stopwatch.GetTimestamp();
        var root = Directory.CreateTempSubdirectory("ftg-chaos-").FullName;
        var disks = SmallDisk.IsPossible();
        if (!disks) Console.Error.WriteLine("no disk is filled in this run: small ones can be made only by a user who may mount");
        await using var cluster = await ChaosCluster.StartAsync(root, new ClusterShape(options.Silos, options.Nodes, disks), await AzuriteProgram.ScriptAsync());
        var client = new ChaosClient(cluster.Gateways);
        var stream = new JobStream(client, Steps, CheckpointEvery, JobLimit);
        void Tell(string what) => Report.Tell(started, what);
        try
        {
            await stream.AddDataAsync();
            await stream.LearnExpectedAsync();
            Tell("the undisturbed adapters are known; the storm begins");

            using var over = new CancellationTokenSource(options.Length);
            var storm = new Storm(cluster, Tell);
            var users = Enumerable.Range(0, options.Nodes + 1).Select(_ => stream.SubmitUntilAsync(over.Token)).ToList();
            await storm.RunAsync(FaultPlan.Of(options.Seed, cluster.Shape), over.Token);
            Tell("the storm is over; the last jobs end");
            await Calm.PardonAsync(client, cluster);
            await Task.WhenAll(users);

            var jobs = await stream.CollectAsync(stream.Accepted);
            var calm = await Calm.AwaitAsync(client, cluster);
            calm = calm with { Left = [.. calm.Left, .. await cluster.StopAsync()] };
            var broken = Audit.Check([.. stream.Accepted.Select(j => j.Id)], jobs, calm, Steps, JobStream.BatchSize);
            Report.Line(new
            {
                Bench = "chaos", options.Seed, Minutes = options.Length.TotalMinutes, options.Silos, options.Nodes, Jobs = jobs.Count, Faults = storm.Counts.ToDictionary(c => c.Key.ToString(), c => c.Value),
                Starts = cluster.Parts.ToDictionary(p => p.Name, p => p.Starts), Broken = broken,
                Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
            });
            if (broken.Count == 0) cluster.RemoveFiles();
            else Console.Error.WriteLine($"what the cluster kept is in {root}\n{cluster.LastLines()}");
            return broken.Count == 0 ? 0 : 1;
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            Console.Error.WriteLine($"error: {e.Message}\nwhat the cluster kept is in {root}\n{cluster.LastLines()}");
            return 1;
        }
    }
}
