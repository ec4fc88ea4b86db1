using System.Diagnostics;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Bench.Checkpoints;

/// <summary>A job's run, stepped by the bench as the session's loop would, and the times that it took.</summary>
internal sealed class BenchRun : IDisposable
{
    private readonly OrderRun _run;
    private readonly StallMeter _meter;

    public BenchRun(string upload, TestStore store, ModelStore models, BenchModel model, TokenIndex tokens, int every, StallMeter meter)
    {
        (Upload, _meter) = (upload, meter);
        var order = store.Order($"job-{upload}", train: tokens, change: json =>
        {
            json["method"]!["rank"] = 16;
            json["optimizer"]!.AsObject().Remove("batch_size");
            json["optimizer"]!.AsObject().Remove("epochs");
            json["optimizer"]!["max_steps"] = 1_000_000;
            json["optimizer"]!["batch_tokens"] = model.BatchTokens;
            json["optimizer"]!["micro_batch_tokens"] = model.BatchTokens;
            json["checkpoint"]!["every_steps"] = upload is CheckpointTurns.Async or CheckpointTurns.Sync ? every : 1_000_000;
        }) with { Model = model.Manifest };
        store.FenceAsync(order).GetAwaiter().GetResult();
        _run = new OrderRun(order, models, store.Blobs, () => { }, TimeProvider.System, () => [], commitsBeside: upload == CheckpointTurns.Async);
    }

    public string Upload { get; }

    public long Parameters => _run.TrainedParameters;

    /// <summary>Seconds of each step of the turns, with what was due at its end.</summary>
    public List<double> Steps { get; } = [];

    /// <summary>Seconds of each turn.</summary>
    public List<double> Turns { get; } = [];

    /// <summary>Processor seconds of each turn, on all threads: what other programs do to the machine is hardly in them.</summary>
    public List<double> Processor { get; } = [];

    public List<double> Stalls { get; } = [];

    /// <summary>Seconds from the copy to the commit.</summary>
    public List<double> Commits { get; } = [];

    /// <summary>Attaches, and takes the steps before the first turn.</summary>
    public void Begin(int steps)
    {
        _run.Attach(Heard);
        for (var i = 0; i < steps; i++) _run.Step(Heard);
    }

    public void Turn(int steps)
    {
        _meter.Take();
        var (turn, processor) = (0.0, Environment.CpuUsage.TotalTime);
        for (var i = 0; i < steps; i++)
        {
            Steps.Add(Timed(() => _run.Step(Heard)));
            turn += Steps[^1];
        }
        // What is left of the commit would go on beside another run's steps.
        turn += Timed(() => _run.Settle(Heard));
        Turns.Add(turn);
        Processor.Add((Environment.CpuUsage.TotalTime - processor).TotalSeconds);
        Stalls.AddRange(_meter.Take());
    }

    public void Dispose() => _run.Dispose();

    private static double Timed(Action work)
    {
        var started = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private void Heard(TrainerReport report)
    {
        if (report is JobCommitted committed) Commits.Add(committed.Seconds);
    }
}
