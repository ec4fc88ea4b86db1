using System.CommandLine;
using FineTuneGrid.Native;
using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Overlap;

/// <summary>What it saves a step of fast mode that gradients are exchanged beside the backward, over slow links between two workers.</summary>
internal static class OverlapBench
{
    private const int CannotRunHere = 2;

    public static Command Command()
    {
        var rates = new Option<string>("--rates") { Description = "Of the links, each direction, in Mb/s.", DefaultValueFactory = _ => "100,1000" };
        rates.Validators.Add(r => { if (Rates(r.GetValueOrDefault<string>()!).Any(rate => rate is null)) r.AddError("--rates must be numbers from 1 to 10000 with commas between them"); });
        var delay = new Option<double>("--delay-ms") { Description = "Of every packet, each way.", DefaultValueFactory = _ => 1 };
        delay.Validators.Add(r => { if (r.GetValueOrDefault<double>() is not (>= 0 and <= 1000)) r.AddError("--delay-ms must be 0 to 1000"); });
        var steps = BenchOptions.Number("--steps", 6, 10_000, "Of each kind, over each link.");
        var tokens = BenchOptions.Number("--tokens", 128, 2048, "Of each worker's micro-batch, of which it has one a step.");
        var command = new Command("overlap", "Trains with two workers whose networks a slow link joins: gradients are exchanged beside the backward, or after it.") { rates, delay, steps, tokens };
        command.SetAction((parsed, stop) => RunAsync(
            [.. Rates(parsed.GetValue(rates)!).Select(r => new LinkShape(r!.Value, parsed.GetValue(delay)))], parsed.GetValue(steps), parsed.GetValue(tokens), stop));
        return command;
    }

    private static IEnumerable<int?> Rates(string text) => text.Split(',').Select(t => int.TryParse(t, out var rate) && rate is >= 1 and <= 10_000 ? rate : (int?)null);

    private static async Task<int> RunAsync(LinkShape[] links, int steps, int tokens, CancellationToken stop)
    {
        var missing = SlowLink.Missing() ?? (GridNative.Misfit is { } why ? $"several workers need libGridNative.so: {why}" : null);
        if (missing is not null)
        {
            BenchOutput.Progress($"this machine cannot run the bench: {missing}");
            return CannotRunHere;
        }
        var ok = true;
        foreach (var link in links)
        {
            var summary = await OverlapRun.RunAsync(link, steps, tokens, stop);
            BenchOutput.Line(summary.Line());
            ok &= summary.Ok;
        }
        return ok ? 0 : 1;
    }
}
