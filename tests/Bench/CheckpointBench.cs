using System.CommandLine;
using System.Diagnostics;
using FineTuneGrid.Bench.Checkpoints;

namespace FineTuneGrid.Bench;

/// <summary>What checkpoints cost the steps: runs of one job with and without them take turns of ten steps on one base model.</summary>
internal static class CheckpointBench
{
    private const string Both = "both";

    public static Command Command()
    {
        var model = new Option<string>("--model") { Description = "The sample base model, or a random one of the shape of a model with 135 million parameters.", DefaultValueFactory = _ => Both };
        model.AcceptOnlyFromAmong(Both, BenchModel.Tiny, BenchModel.Small);
        var upload = new Option<string>("--upload") { Description = "Commits beside the steps (async), or between them (sync).", DefaultValueFactory = _ => Both };
        upload.AcceptOnlyFromAmong(Both, CheckpointTurns.Async, CheckpointTurns.Sync);
        var rounds = new Option<int>("--rounds") { Description = "Checkpoints of each kind; by default as many as three minutes allow." };
        var command = new Command("checkpoint", "Measures what a checkpoint every ten steps costs.") { model, upload, rounds };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(model)!, parsed.GetValue(upload)!, parsed.GetValue(rounds)));
        return command;
    }

    private static async Task<int> RunAsync(string model, string upload, int rounds)
    {
        if (model != Both) return CheckpointTurns.Run(model, upload == Both ? [CheckpointTurns.Sync, CheckpointTurns.Async] : [upload], rounds);
        // A process settles the number of its threads once, and the two differ in it.
        foreach (var one in (string[])[BenchModel.Tiny, BenchModel.Small])
        {
            var start = new ProcessStartInfo("dotnet", [typeof(CheckpointBench).Assembly.Location, "checkpoint", "--model", one, "--upload", upload, "--rounds", $"{rounds}"]);
            using var child = Process.Start(start)!;
            await child.WaitForExitAsync();
            if (child.ExitCode != 0) return child.ExitCode;
        }
        return 0;
    }
}
