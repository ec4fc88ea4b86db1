using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Overlap;

/// <summary>Two worker processes over one slow link.</summary>
internal static class OverlapRun
{
    public static async Task<OverlapSummary> RunAsync(LinkShape shape, int steps, int tokens, CancellationToken stop)
    {
        using var link = SlowLink.Create(shape);
        var probe = LinkProbe.Of(link, slow: true);
        BenchOutput.Progress($"a link of {shape.RateMbit} Mb/s: {probe.RoundTripMs:0.0} ms there and back, {probe.RateMbit:0.0} Mb/s");
        using var first = Start(link, 0, null, steps, tokens);
        using var killed = stop.Register(first.Kill);
        var meeting = await NextAsync(first) ?? throw new InvalidOperationException("worker 0 ended before it could be met");
        using var second = Start(link, 1, meeting, steps, tokens);
        using var killedToo = stop.Register(second.Kill);
        var measured = new List<OverlapStep>();
        while (await NextAsync(first) is { } line) measured.Add(JsonSerializer.Deserialize<OverlapStep>(line)!);
        await Task.WhenAll(first.WaitForExitAsync(stop), second.WaitForExitAsync(stop));
        if (first.ExitCode != 0 || second.ExitCode != 0) throw new InvalidOperationException($"the workers ended with {first.ExitCode} and {second.ExitCode}");
        return new OverlapSummary(shape, probe, tokens, measured);
    }

    private static Process Start(SlowLink link, int rank, string? meeting, int steps, int tokens)
    {
        string[] arguments =
        [
            "netns", "exec", link.Side(rank).Name, "dotnet", typeof(OverlapRun).Assembly.Location, OverlapWorker.Name,
            "--rank", Text(rank), "--host", SlowLink.Address(rank, slow: true), "--steps", Text(steps), "--tokens", Text(tokens),
            .. meeting is null ? [] : (string[])["--meeting", meeting],
        ];
        return Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true })!;
    }

    private static async Task<string?> NextAsync(Process worker) => await worker.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(5));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <param name="Beside">The gradients were exchanged beside the backward.</param>
/// <param name="Sha256">Of the sum.</param>
/// <param name="Parameters">In training.</param>
internal sealed record OverlapStep(bool Beside, double Ms, string Sha256, long Parameters);
