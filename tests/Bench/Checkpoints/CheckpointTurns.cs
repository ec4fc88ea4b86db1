using System.Diagnostics;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;

namespace FineTuneGrid.Bench.Checkpoints;

/// <summary>
/// One job three times on one resident base: without checkpoints, and with one every ten steps of either kind. They take turns of ten
/// steps, each with its checkpoint some steps before its end, so that what a commit does beside the steps falls on its own run's steps.
/// </summary>
internal static class CheckpointTurns
{
    public const string Async = "async";
    public const string Sync = "sync";

    private const string None = "none";
    private const int Every = 10;

    public static int Run(string modelName, IReadOnlyList<string> uploads, int rounds)
    {
        BenchOutput.Quiet();
        using var store = new TestStore();
        var model = BenchModel.AddAsync(modelName, store.Blobs).GetAwaiter().GetResult();
        var tokens = store.AddTokens("bench", examples: 2000, seed: 3);
        Compute.Prepare(model.Threads);
        using var models = new ModelStore(store.Blobs, CPU);
        using var meter = new StallMeter();
        var runs = ((string[])[None, .. uploads]).Select(upload => new BenchRun(upload, store, models, model, tokens, Every, meter)).ToList();
        foreach (var run in runs) run.Begin(model.StepsBeside);
        var count = rounds > 0 ? rounds : model.Rounds;
        for (var round = 0; round < count; round++)
        {
            // Another one begins each time: whatever slows the machine down falls on all of them.
            for (var i = 0; i < runs.Count; i++) runs[(round + i) % runs.Count].Turn(Every);
            BenchOutput.Progress($"{modelName}: round {round + 1} of {count}");
        }
        foreach (var run in runs.Skip(1)) BenchOutput.Line(Result(model, runs[0], run));
        foreach (var run in runs) run.Dispose();
        return 0;
    }

    private static object Result(BenchModel model, BenchRun without, BenchRun with)
    {
        var step = Quantile(without.Steps, 0.5);
        var extra = Extra(with.Turns, without.Turns);
        return new
        {
            Bench = "checkpoint",
            Model = model.Name,
            Upload = with.Upload,
            TrainedParameters = with.Parameters,
            StateBytes = with.Parameters * 12,
            model.BatchTokens,
            model.Threads,
            EverySteps = Every,
            Checkpoints = with.Stalls.Count,
            StepMsWithout = Milliseconds(step),
            StepMsWith = Milliseconds(Quantile(with.Steps, 0.5)),
            StallMsP50 = Milliseconds(Quantile(with.Stalls, 0.5)),
            StallMsP95 = Milliseconds(Quantile(with.Stalls, 0.95)),
            StallShareOfStepTime = Math.Round(Quantile(with.Stalls, 0.5) / (Every * step), 5),
            // Paired turns: holds what the upload takes from the steps beside it, and the machine's noise.
            TurnMsExtraP50 = Milliseconds(Quantile(extra, 0.5)),
            TurnShareExtra = Math.Round(Quantile(extra, 0.5) / Quantile(without.Turns, 0.5), 5),
            ProcessorMsExtraP50 = Milliseconds(Quantile(Extra(with.Processor, without.Processor), 0.5)),
            CommitMsP50 = Milliseconds(Quantile(with.Commits, 0.5)),
        };
    }

    private static List<double> Extra(List<double> with, List<double> without) => [.. with.Zip(without, (a, b) => a - b)];

    private static double Milliseconds(double seconds) => Math.Round(seconds * 1e3, 3);

    private static double Quantile(IReadOnlyCollection<double> values, double q)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Min(sorted.Length - 1, Math.Ceiling(q * sorted.Length) - 1 is var at && at > 0 ? at : 0)];
    }
}
