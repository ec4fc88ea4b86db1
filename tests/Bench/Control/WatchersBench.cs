using System.CommandLine;
using System.Diagnostics;
using System.Net;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Bench.Control;

/// <summary>How fast jobs are read, as programs and as pages, while many watch a job's events and nothing happens.</summary>
internal static class WatchersBench
{
    private const double PromisedMs = 50;
    private const long PromisedMegabytes = 1024;
    private const int Jobs = 20;

    private sealed record Read(bool Good, double Milliseconds);

    public static Command Command()
    {
        var watchers = BenchOptions.Number("--watchers", 1000, 20_000, "Open event streams.");
        var rate = BenchOptions.Number("--rate", 200, 10_000, "Reads of a job a second.");
        var seconds = BenchOptions.Number("--seconds", 20, 3600, "How long.");
        var warmUp = BenchOptions.WarmUp();
        var command = new Command("watchers", "Reads jobs by REST at a steady rate while event streams are open; a read counts from the time at which it was due.") { watchers, rate, seconds, warmUp };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(watchers), parsed.GetValue(rate), parsed.GetValue(seconds), parsed.GetValue(warmUp)));
        return command;
    }

    private static async Task<int> RunAsync(int watchers, int rate, int seconds, int warmUpSeconds)
    {
        await using var grid = await GridProcess.StartAsync(["--roles", "silo,gateway"]);
        await TinyData.AddToAsync(grid);
        var jobs = new List<string>();
        for (var i = 0; i < Jobs; i++) jobs.Add(await grid.SubmitAsync(TinyData.Job($"team/watched-{i}")));
        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = int.MaxValue }) { BaseAddress = grid.Http.BaseAddress, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = grid.Http.DefaultRequestHeaders.Authorization;
        await using var open = await Watchers.OpenAsync(client, jobs, watchers);
        BenchOutput.Progress($"{watchers} streams are open; warming up for {warmUpSeconds} s");
        await ReadAsync(client, jobs, rate, warmUpSeconds);

        using var host = Process.GetProcessById(await grid.PidAsync(Part.Host));
        var (cpu, from) = (host.TotalProcessorTime, Stopwatch.GetTimestamp());
        var reads = await ReadAsync(client, jobs, rate, seconds);
        var passed = Stopwatch.GetElapsedTime(from).TotalSeconds;
        host.Refresh();
        var times = reads.Where(r => r.Good).Select(r => r.Milliseconds).Order().ToList();
        var (failed, lost, megabytes, p99) = (reads.Count(r => !r.Good), open.Lost, host.WorkingSet64 >> 20, SubmitsBench.At(times, 0.99));
        var holds = failed == 0 && lost == 0 && p99 < PromisedMs && megabytes < PromisedMegabytes;
        BenchOutput.Line(new
        {
            Bench = "watchers", Watchers = watchers, Rate = rate, WarmUpSeconds = warmUpSeconds, Seconds = seconds, Reads = reads.Count, Failed = failed, LostStreams = lost,
            ReachedPerSecond = Math.Round(reads.Count / passed, 1), P50Ms = SubmitsBench.At(times, 0.5), P95Ms = SubmitsBench.At(times, 0.95), P99Ms = p99, MaxMs = SubmitsBench.At(times, 1),
            CoreShare = Math.Round((host.TotalProcessorTime - cpu).TotalSeconds / passed, 2), HostMegabytes = megabytes, Holds = holds,
        });
        return holds ? 0 : 1;
    }

    private static async Task<IReadOnlyList<Read>> ReadAsync(HttpClient client, IReadOnlyList<string> jobs, int rate, int seconds)
    {
        var start = Stopwatch.GetTimestamp();
        var running = new List<Task<Read>>();
        for (var i = 0; i < rate * seconds; i++)
        {
            var due = start + (long)(i * (double)Stopwatch.Frequency / rate);
            // A millisecond early or late is within what is measured.
            if (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) is { TotalMilliseconds: > 1 } wait) await Task.Delay(wait);
            running.Add(ReadAsync(client, jobs[i % jobs.Count], due));
        }
        return await Task.WhenAll(running);
    }

    private static async Task<Read> ReadAsync(HttpClient client, string job, long due)
    {
        using var response = await client.GetAsync($"/api/v1/jobs/{job}");
        await response.Content.CopyToAsync(Stream.Null);
        return new Read(response.StatusCode == HttpStatusCode.OK, Stopwatch.GetElapsedTime(due).TotalMilliseconds);
    }
}
