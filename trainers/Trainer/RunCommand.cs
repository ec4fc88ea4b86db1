using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.Trainer.Training;

namespace FineTuneGrid.Trainer;

/// <param name="Data">The blob store's folder.</param>
/// <param name="Out">Where the result's files are copied to; null leaves them in the store alone.</param>
internal sealed record RunOptions(string Data, string? Out, int Threads)
{
    /// <exception cref="GridException"><c>invalid_request</c>, naming the option.</exception>
    public static RunOptions Parse(string[] args)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Length; i += 2)
        {
            if (args[i] is not ("--data" or "--out" or "--threads") || i + 1 == args.Length)
                throw new GridException(ErrorCodes.InvalidRequest, $"'{args[i]}' is not an option with a value; known are --data DIR, --out DIR and --threads N.", args[i]);
            values[args[i]] = args[i + 1];
        }
        var threads = Environment.ProcessorCount;
        if (values.TryGetValue("--threads", out var text) && (!int.TryParse(text, out threads) || threads < 1))
            throw new GridException(ErrorCodes.InvalidRequest, $"--threads must be a whole number above 0, not '{text}'.", "--threads");
        return new RunOptions(
            values.GetValueOrDefault("--data") ?? throw new GridException(ErrorCodes.InvalidRequest, "--data DIR is required: the folder of the blob store.", "--data"),
            values.GetValueOrDefault("--out"), threads);
    }
}

/// <summary><c>FineTuneGrid.Trainer run ORDER.json --data DIR</c>: one order on files. Goes on where an earlier run was cut off.</summary>
internal static class RunCommand
{
    public static int Run(string orderFile, RunOptions options)
    {
        var order = GridJson.Parse<TrainingOrder>(File.ReadAllBytes(orderFile)) with { Gang = null };
        Compute.Prepare(options.Threads);
        var store = new BlobAccess(LocalRoot: Path.GetFullPath(options.Data)).Open();
        new CheckpointStore(store, order.JobId).FenceAsync(order.Epoch, $"run-{order.Epoch}").GetAwaiter().GetResult();
        using var models = new ModelStore(store, Compute.Device(order.Resolved.Device));
        using var run = new OrderRun(order, models, store, () => { }, TimeProvider.System, () => []);
        JobFinished? finished = null;
        void Report(TrainerReport report) => finished = report as JobFinished ?? finished;
        for (var state = run.Attach(Report); state == JobState.Running;)
            state = run.Step(Report);
        if (options.Out is { } folder) Export(store, order, folder);
        Console.WriteLine(GridJson.ToText(finished!.Result));
        return 0;
    }

    /// <summary>Copies what the result adds to a model or adapter folder: everything but the trainer's own state.</summary>
    private static void Export(IBlobStore store, TrainingOrder order, string folder)
    {
        var checkpoints = new CheckpointStore(store, order.JobId);
        var result = checkpoints.RestoreAsync().GetAwaiter().GetResult()!;
        Directory.CreateDirectory(folder);
        foreach (var part in result.Manifest.Parts.Where(p => p.Name is not (RunParts.Optimizer or TrainerState.PartName)))
        {
            using var local = checkpoints.OpenPartAsync(part).GetAwaiter().GetResult();
            File.Copy(local.Path, Path.Combine(folder, part.Name), overwrite: true);
        }
    }
}
