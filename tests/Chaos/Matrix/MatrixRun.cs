using System.Diagnostics;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Chaos;

/// <param name="Count">Kills for each cell.</param>
/// <param name="Only">Cells to run, as <see cref="Cell.Choose"/> takes them.</param>
internal sealed record MatrixOptions(int Count, int Seed, int Nodes, string? Only);

/// <summary>
/// Kills each part of a cluster at each moment of a job's life, and looks after every kill at what became of it. A JSON line for
/// each cell, and one for all; exit code 1 where a promise is broken.
/// </summary>
internal static class MatrixRun
{
    private const int Steps = 80;
    private const int CheckpointEvery = 10;

    /// <summary>How often a kill is repeated that came too late.</summary>
    private const int Misses = 5;

    private static readonly TimeSpan JobLimit = TimeSpan.FromMinutes(4);

    public static async Task<int> RunAsync(MatrixOptions options)
    {
        var shape = new ClusterShape(ClusterPrograms.Silos, options.Nodes);
        var cells = Cell.Choose(options.Only, shape.Silos);
        var root = Directory.CreateTempSubdirectory("ftg-matrix-").FullName;
        var started = Stopwatch.GetTimestamp();
        await using var cluster = await ChaosCluster.StartAsync(root, shape, await AzuriteProgram.ScriptAsync());
        var client = new ChaosClient(cluster.Gateways);
        var stream = new JobStream(client, Steps, CheckpointEvery, JobLimit);
        await stream.AddDataAsync();
        await stream.LearnExpectedAsync();
        Report.Tell(started, "the undisturbed adapters are known; the kills begin");

        var tallies = new List<CellTally>();
        foreach (var cell in cells)
        {
            var tally = new CellTally(cell);
            tallies.Add(tally);
            for (var i = 0; i < options.Count && tally.Broken.Count == 0; i++)
                await KillAsync(cluster, client, stream, tally, $"{cell.Name.Replace('/', '-')}-{i}", Seeds.Of(options.Seed, (int)cell.Victim, (int)cell.Moment, i));
            Report.Line(tally.Line());
            Report.Tell(started, cell.Name);
            if (tally.Broken.Count > 0) Console.Error.WriteLine($"{cell.Name} in {root}\n{cluster.LastLines()}");
        }
        var left = await cluster.StopAsync();
        var broken = tallies.Sum(t => t.Broken.Count) + left.Count;
        Report.Line(new
        {
            Bench = "matrix", options.Seed, shape.Silos, options.Nodes, Cells = cells.Count, Killed = tallies.Sum(t => t.Killed), Lost = tallies.Sum(t => t.Lost), Doubled = tallies.Sum(t => t.Doubled),
            Identical = tallies.Sum(t => t.Identical), Left = left, Broken = broken, Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
        });
        if (broken == 0) cluster.RemoveFiles();
        return broken == 0 ? 0 : 1;
    }

    private static async Task KillAsync(ChaosCluster cluster, ChaosClient client, JobStream stream, CellTally tally, string name, Random random)
    {
        var run = new KillRun(cluster, client, stream);
        try
        {
            for (var attempt = 0; attempt <= Misses; attempt++)
            {
                var result = await run.RunAsync(tally.Cell, $"{name}-{attempt}", random);
                var ended = await stream.CollectAsync(result.Jobs);
                var calm = await Calm.AwaitAsync(client, cluster);
                tally.Add(result, ended, [.. Audit.CheckJobs(ended, stream.Steps, JobStream.BatchSize), .. Audit.CheckCluster(calm)]);
                if (result.Hit || tally.Broken.Count > 0) return;
            }
            tally.Fail($"the moment was missed {Misses + 1} times");
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            tally.Fail(e.Message);
        }
    }
}
