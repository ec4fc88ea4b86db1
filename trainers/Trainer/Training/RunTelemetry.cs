using System.Diagnostics;
using System.Diagnostics.Metrics;
using FineTuneGrid.Contracts.Telemetry;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Trainer.Training;

/// <summary>A run's spans, in the trace of its job's submission, and this process's figures, which name no job.</summary>
internal sealed class RunTelemetry(TrainingOrder order) : IDisposable
{
    private static readonly Histogram<double> Steps = GridTelemetry.Meter.CreateHistogram<double>("ftg.trainer.step.duration", "s", "Time of an optimizer step.");
    private static readonly Histogram<double> Commits = GridTelemetry.Meter.CreateHistogram<double>("ftg.trainer.checkpoint.duration", "s", "Time of a checkpoint, from its first byte to its commit.");
    private static readonly Histogram<double> Stalls = GridTelemetry.Meter.CreateHistogram<double>("ftg.trainer.checkpoint.stall", "s", "Time that the steps stood still for a checkpoint.");
    private static readonly Counter<long> Tokens = GridTelemetry.Meter.CreateCounter<long>("ftg.trainer.tokens", "{token}", "Tokens trained on, counted again where a step was repeated.");

    private readonly Activity? _run = GridTelemetry.Start("job.train", order.TraceParent, order.JobId, order.Epoch);

    /// <param name="step">The number that the step will have.</param>
    public Activity? Step(int step) => Child("job.train.step", step);

    public Activity? Commit(int step) => Child("job.train.checkpoint", step);

    public void Stepped(Activity? span, double seconds, long tokens)
    {
        span?.SetTag("ftg.tokens", tokens);
        Steps.Record(seconds);
        Tokens.Add(tokens);
    }

    public void Committed(double seconds) => Commits.Record(seconds);

    public void Stalled(double seconds) => Stalls.Record(seconds);

    public void Dispose() => _run?.Dispose();

    /// <summary>Jobs of a session take turns on one thread: a child is told its parent, not left to find it.</summary>
    private Activity? Child(string name, int step)
    {
        if (_run is null) return null;
        var span = GridTelemetry.Source.StartActivity(name, ActivityKind.Internal, _run.Context);
        return span?.SetTag(GridTelemetry.JobTag, order.JobId).SetTag(GridTelemetry.StepTag, step);
    }
}
