using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Silo;

namespace FineTuneGrid.Bench.Control;

/// <summary>What many nodes that only say they live cost one silo.</summary>
internal static class HeartbeatsBench
{
    private const int LeaseSeconds = 15;

    public static Command Command()
    {
        var nodes = BenchOptions.Number("--nodes", 1000, 100_000, "Nodes.");
        var connections = BenchOptions.Number("--connections", 20, 1000, "Connections that they share.");
        var seconds = BenchOptions.Number("--seconds", 30, 3600, "How long it is measured, after the warm-up.");
        var warmUp = BenchOptions.WarmUp();
        var seed = BenchOptions.Seed();
        var command = new Command("heartbeats", "Simulated nodes renew their leases with one silo in a process of its own; prints the share of a core that it takes.")
        {
            nodes, connections, seconds, warmUp, seed,
        };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(nodes), parsed.GetValue(connections), TimeSpan.FromSeconds(parsed.GetValue(seconds)), TimeSpan.FromSeconds(parsed.GetValue(warmUp)), parsed.GetValue(seed)));
        return command;
    }

    private static async Task<int> RunAsync(int nodes, int connections, TimeSpan time, TimeSpan warmUp, int seed)
    {
        var silo = new IPEndPoint(IPAddress.Loopback, FreePort.Take());
        await using var grid = await GridProcess.StartAsync(
            ["--roles", "silo,gateway", "--cluster-port", silo.Port.ToString(CultureInfo.InvariantCulture), "--lease", LeaseSeconds.ToString(CultureInfo.InvariantCulture)]);
        var secret = Convert.FromHexString((await File.ReadAllTextAsync(Path.Combine(grid.Data, "node.key"))).Trim());
        await using var simulated = new SimulatedNodes(silo, new NodeTokens(secret));
        var registering = Stopwatch.GetTimestamp();
        await simulated.StartAsync(nodes, connections, seed);
        var registered = Stopwatch.GetElapsedTime(registering);
        BenchOutput.Progress($"{nodes} nodes registered in {registered.TotalSeconds:F1} s; warming up for {warmUp.TotalSeconds} s");
        await Task.Delay(warmUp);

        using var host = Process.GetProcessById(await grid.PidAsync(Part.Host));
        var measured = await ShareAsync(host, simulated, time);
        var answer = (await grid.GetAsync("/api/v1/nodes?limit=1")).Ok();
        BenchOutput.Line(new
        {
            Bench = "heartbeats", Nodes = nodes, Connections = connections, WarmUpSeconds = warmUp.TotalSeconds, Seconds = time.TotalSeconds, LeaseSeconds,
            RegisterSeconds = Math.Round(registered.TotalSeconds, 2),
            RenewalsPerSecond = Math.Round(measured.Renewals, 1), PollsPerSecond = Math.Round(measured.Polls, 1),
            CoreShare = Math.Round(measured.Core, 4), simulated.Faults, RestStatus = (int)answer.Status, SiloMegabytes = host.WorkingSet64 >> 20,
        });
        return simulated.Faults == 0 ? 0 : 1;
    }

    private static async Task<(double Core, double Renewals, double Polls)> ShareAsync(Process host, SimulatedNodes nodes, TimeSpan time)
    {
        host.Refresh();
        var (cpu, renewals, polls, from) = (host.TotalProcessorTime, nodes.Renewals, nodes.Polls, Stopwatch.GetTimestamp());
        await Task.Delay(time);
        host.Refresh();
        var passed = Stopwatch.GetElapsedTime(from).TotalSeconds;
        return ((host.TotalProcessorTime - cpu).TotalSeconds / passed, (nodes.Renewals - renewals) / passed, (nodes.Polls - polls) / passed);
    }
}
