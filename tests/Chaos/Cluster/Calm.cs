using System.Diagnostics;
using System.Globalization;

namespace FineTuneGrid.Chaos;

/// <summary>The end of a disturbance.</summary>
internal static class Calm
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>An operator who kills trainers tells the grid that the nodes are not at fault: it would leave them alone for a while.</summary>
    public static async Task PardonAsync(ChaosClient client, ChaosCluster cluster)
    {
        for (var node = 0; node < cluster.Nodes; node++) await client.PostAsync(string.Create(CultureInfo.InvariantCulture, $"/api/v1/nodes/node-{node}/drain"), """{"draining":false}""");
    }

    /// <summary>What was hit last needs a moment to come back: waits until the grid is whole, and gives what it then is.</summary>
    public static async Task<EndedCluster> AwaitAsync(ChaosClient client, ChaosCluster cluster)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(Look);
        while (true)
        {
            var figure = await client.FiguresAsync();
            var now = new EndedCluster(figure("ftg_nodes_alive"), cluster.Nodes, figure("ftg_queue_placed"), figure("ftg_queue_waiting"), cluster.Strays());
            if (Audit.CheckCluster(now).Count == 0 || Stopwatch.GetElapsedTime(started) > Limit)
            {
                await PardonAsync(client, cluster);
                return now;
            }
            await timer.WaitForNextTickAsync();
        }
    }
}
