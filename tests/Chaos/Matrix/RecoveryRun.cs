using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Chaos;

/// <summary>
/// SIGKILL of a trainer in the middle of its steps: how long until the job's next optimizer step, with new process, model and
/// checkpoint. A JSON line for each kill, and one for all; exit code 1 where that is too long, or anything is lost.
/// </summary>
internal static class RecoveryRun
{
    private const int Steps = 80;
    private const int CheckpointEvery = 10;

    private static readonly TimeSpan JobLimit = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan LimitP50 = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LimitP95 = TimeSpan.FromSeconds(15);

    public static async Task<int> RunAsync(int count, int seed)
    {
        var root = Directory.CreateTempSubdirectory("ftg-recovery-").FullName;
        await using var cluster = await ChaosCluster.StartAsync(root, new ClusterShape(ClusterPrograms.Silos, Nodes: 1), await AzuriteProgram.ScriptAsync());
        var client = new ChaosClient(cluster.Gateways);
        var stream = new JobStream(client, Steps, CheckpointEvery, JobLimit);
        await stream.AddDataAsync();
        await stream.LearnExpectedAsync();

        var (times, broken) = (new List<TimeSpan>(), new List<string>());
        var run = new KillRun(cluster, client, stream);
        for (var i = 0; times.Count < count; i++)
        {
            var result = await run.RunAsync(new Cell(Victim.Trainer, Moment.MidStep), $"recovery-{i}", Seeds.Of(seed, i));
            broken.AddRange(Audit.CheckJobs(await stream.CollectAsync(result.Jobs), Steps, JobStream.BatchSize));
            broken.AddRange(Audit.CheckCluster(await Calm.AwaitAsync(client, cluster)));
            if (broken.Count > 0) break;
            if (!result.Hit) continue;
            times.Add(result.Recovered);
            Report.Line(new { Bench = "recovery", Kill = times.Count, Seconds = Math.Round(result.Recovered.TotalSeconds, 2) });
        }
        broken.AddRange(await cluster.StopAsync());
        var slow = Report.Percentile(times, 50) > LimitP50.TotalSeconds || Report.Percentile(times, 95) > LimitP95.TotalSeconds;
        Report.Line(new
        {
            Bench = "recovery", Seed = seed, Kills = times.Count, P50S = Report.Percentile(times, 50), P95S = Report.Percentile(times, 95), LimitP50S = LimitP50.TotalSeconds, LimitP95S = LimitP95.TotalSeconds,
            Broken = broken,
        });
        if (broken.Count > 0) Console.Error.WriteLine(cluster.LastLines());
        else cluster.RemoveFiles();
        return slow || broken.Count > 0 ? 1 : 0;
    }
}
