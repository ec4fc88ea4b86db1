using System.CommandLine;
using FineTuneGrid.Bench.Links;
using FineTuneGrid.Native;
using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench;

/// <summary>What a slow link between two workers costs a job in low-bandwidth mode: speed, bytes, quality.</summary>
internal static class LinksBench
{
    private const int CannotRunHere = 2;

    public static Command Command()
    {
        var model = new Option<string>("--model") { Description = "An adapter of the sample base model on the sample data (tiny), or a model from random weights on generated data (random).", DefaultValueFactory = _ => LinksJob.Tiny };
        model.AcceptOnlyFromAmong(LinksJob.Tiny, LinksJob.Random);
        var rate = BenchOptions.Number("--rate-mbit", 100, 10_000, "Of the slow link, each direction.");
        var delay = new Option<double>("--delay-ms") { Description = "Of every packet on the slow link, each way.", DefaultValueFactory = _ => 20 };
        delay.Validators.Add(r => { if (r.GetValueOrDefault<double>() is not (>= 0 and <= 1000)) r.AddError("--delay-ms must be 0 to 1000"); });
        var local = BenchOptions.Number("--local-steps", 32, 10_000, "optimizer.local_steps of the job in low-bandwidth mode.");
        var steps = BenchOptions.Number("--steps", 640, 1_000_000, "Of each run.");
        var seeds = BenchOptions.Number("--seeds", 3, 100, "How often all runs are made.");
        var tokens = BenchOptions.Number("--batch-tokens", 1024, 1 << 20, "Of each step, for both workers together.");
        var command = new Command("links", "Trains with two workers whose networks a slow link joins, in low-bandwidth mode and meeting at every step.") { model, rate, delay, local, steps, seeds, tokens };
        command.Validators.Add(r =>
        {
            if (r.GetValue(steps) < LinksPlan.LeastWindows * r.GetValue(local)) r.AddError($"--steps must be at least {LinksPlan.LeastWindows} times --local-steps");
        });
        command.SetAction((parsed, stop) => RunAsync(new LinksPlan(
            parsed.GetValue(model)!, new LinkShape(parsed.GetValue(rate), parsed.GetValue(delay)), parsed.GetValue(local), parsed.GetValue(steps), parsed.GetValue(seeds), parsed.GetValue(tokens)), stop));
        return command;
    }

    private static async Task<int> RunAsync(LinksPlan plan, CancellationToken stop)
    {
        var missing = SlowLink.Missing() ?? (GridNative.Misfit is { } why ? $"several workers need libGridNative.so: {why}" : null);
        if (missing is not null)
        {
            BenchOutput.Progress($"this machine cannot run the bench: {missing}");
            return CannotRunHere;
        }
        return await LinksRun.RunAsync(plan, stop) ? 0 : 1;
    }
}
