using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Chaos;

internal sealed record ChaosOptions(TimeSpan Length, int Seed, int Nodes);

/// <summary>One run: quiet references, the storm over a stream of jobs, calm, the audit. One JSON line at the end; exit code 1 where a promise is broken.</summary>
internal static class ChaosRun
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly TimeSpan CalmLimit = TimeSpan.FromMinutes(2);

    public static async Task<int> RunAsync(ChaosOptions options)
    {
        var started = Stopwatch.GetTimestamp();
        var root = Directory.CreateTempSubdirectory("ftg-chaos-").FullName;
        await using var cluster = await ChaosCluster.StartAsync(root, options.Nodes, await AzuriteProgram.ScriptAsync());
        var client = new ChaosClient(cluster.Http);
        var stream = new JobStream(client);
        void Tell(string what) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(started).TotalSeconds,7:0.0} s  {what}"));
        try
        {
            await stream.AddDataAsync();
            await stream.LearnExpectedAsync();
            Tell("the undisturbed adapters are known; the storm begins");

            using var over = new CancellationTokenSource(options.Length);
            var storm = new Storm(cluster, Tell);
            var users = Enumerable.Range(0, options.Nodes + 1).Select(_ => stream.SubmitUntilAsync(over.Token)).ToList();
            await storm.RunAsync(FaultPlan.Of(options.Seed, options.Nodes, ChaosCluster.Lease), over.Token);
            Tell("the storm is over; the last jobs end");
            await Task.WhenAll(users);

            var jobs = await stream.CollectAsync();
            var (alive, placed, waiting) = await CalmAsync(client, options.Nodes);
            var left = await cluster.StopAsync();
            var broken = Audit.Check(stream.Accepted, jobs, new EndedCluster(alive, options.Nodes, placed, waiting, left), JobStream.Steps, JobStream.BatchSize);
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                Bench = "chaos", options.Seed, Minutes = options.Length.TotalMinutes, options.Nodes, Jobs = jobs.Count, Faults = storm.Counts.ToDictionary(c => c.Key.ToString(), c => c.Value),
                Starts = cluster.Agents.Append(cluster.Control).Append(cluster.Store).ToDictionary(p => p.Name, p => p.Starts), Broken = broken,
                Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1),
            }, Json));
            if (broken.Count == 0) Directory.Delete(root, recursive: true);
            else Console.Error.WriteLine($"what the cluster kept is in {root}\n{cluster.LastLines()}");
            return broken.Count == 0 ? 0 : 1;
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            Console.Error.WriteLine($"error: {e.Message}\nwhat the cluster kept is in {root}\n{cluster.LastLines()}");
            return 1;
        }
    }

    /// <summary>Nodes that were hit last need a moment to come back: waits until the grid is whole, and gives what it then says of itself.</summary>
    private static async Task<(int Alive, int Placed, int Waiting)> CalmAsync(ChaosClient client, int nodes)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (true)
        {
            var figures = (await client.MetricsTextAsync()).Split('\n').Where(l => l.Length > 0 && l[0] != '#').ToDictionary(l => l[..l.LastIndexOf(' ')], l => l[(l.LastIndexOf(' ') + 1)..]);
            int Figure(string name) => figures.TryGetValue(name, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : -1;
            var now = (Alive: Figure("ftg_nodes_alive"), Placed: Figure("ftg_queue_placed"), Waiting: Figure("ftg_queue_waiting"));
            if (now == (nodes, 0, 0) || Stopwatch.GetElapsedTime(started) > CalmLimit) return now;
            await timer.WaitForNextTickAsync();
        }
    }
}
