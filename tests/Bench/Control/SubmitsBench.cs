using System.CommandLine;
using System.Diagnostics;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Bench.Control;

/// <summary>How long a job takes from its POST until it is durable, while many are sent at a steady rate.</summary>
internal static class SubmitsBench
{
    public static Command Command()
    {
        var rate = BenchOptions.Number("--rate", 200, 10_000, "Jobs a second.");
        var seconds = BenchOptions.Number("--seconds", 20, 3600, "How long.");
        var warmUp = BenchOptions.WarmUp();
        var command = new Command("submits", "Submits jobs by REST at a steady rate to one silo without nodes; a job counts from the time at which it was due, whatever held it up.")
        {
            rate, seconds, warmUp,
        };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(rate), parsed.GetValue(seconds), parsed.GetValue(warmUp)));
        return command;
    }

    private static async Task<int> RunAsync(int rate, int seconds, int warmUpSeconds)
    {
        await using var grid = await GridProcess.StartAsync(["--roles", "silo,gateway"]);
        await TinyData.AddToAsync(grid);
        await SendAsync(grid, "warm-up", rate, warmUpSeconds);
        BenchOutput.Progress($"warmed up by {rate * warmUpSeconds} jobs in {warmUpSeconds} s");
        using var host = Process.GetProcessById(await grid.PidAsync(Part.Host));
        var cpu = host.TotalProcessorTime;
        var from = Stopwatch.GetTimestamp();
        var sent = await SendAsync(grid, "load", rate, seconds);
        var passed = Stopwatch.GetElapsedTime(from).TotalSeconds;
        host.Refresh();
        var times = sent.Where(s => s.Accepted).Select(s => s.Milliseconds).Order().ToList();
        var refused = sent.Count(s => !s.Accepted);
        BenchOutput.Line(new
        {
            Bench = "submits", Rate = rate, WarmUpSeconds = warmUpSeconds, Seconds = seconds, Jobs = sent.Count, Refused = refused, ReachedPerSecond = Math.Round(sent.Count / passed, 1),
            P50Ms = At(times, 0.5), P95Ms = At(times, 0.95), P99Ms = At(times, 0.99), MaxMs = At(times, 1),
            CoreShare = Math.Round((host.TotalProcessorTime - cpu).TotalSeconds / passed, 2),
        });
        return refused == 0 ? 0 : 1;
    }

    private static async Task<IReadOnlyList<(bool Accepted, double Milliseconds)>> SendAsync(GridProcess grid, string name, int rate, int seconds)
    {
        var start = Stopwatch.GetTimestamp();
        var running = new List<Task<(bool, double)>>();
        for (var i = 0; i < rate * seconds; i++)
        {
            var due = start + (long)(i * (double)Stopwatch.Frequency / rate);
            // A millisecond early or late is within what is measured.
            if (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) is { TotalMilliseconds: > 1 } wait) await Task.Delay(wait);
            running.Add(SubmitAsync(grid, $"{name}/job-{i}", due));
        }
        return await Task.WhenAll(running);
    }

    private static async Task<(bool, double)> SubmitAsync(GridProcess grid, string adapter, long due)
    {
        var answer = await grid.PostAsync("/api/v1/jobs", TinyData.Job(adapter).ToJsonString());
        return ((int)answer.Status == 201, Stopwatch.GetElapsedTime(due).TotalMilliseconds);
    }

    internal static double? At(List<double> sorted, double share) =>
        sorted.Count == 0 ? null : Math.Round(sorted[Math.Min(sorted.Count - 1, (int)Math.Ceiling(share * sorted.Count) - 1)], 1);
}
