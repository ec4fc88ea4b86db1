using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;

namespace FineTuneGrid.Trainer.Training;

/// <summary>One job's run: its training, stepped by the session's loop, with commits, reports and the log.</summary>
/// <param name="guard">Throws where the lease is over; called before whatever takes long or lasts.</param>
internal sealed class OrderRun(TrainingOrder order, ModelStore models, IBlobStore store, Action guard, TimeProvider time) : IJobRun
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(1);

    private readonly RunCheckpoints _checkpoints = new(store, order, time);
    private readonly OrderTraining _training = new(order, models, store, guard, time);
    private readonly RunTelemetry _telemetry = new(order);
    private readonly List<StepMetrics> _unreported = [];
    private long _lastReport;
    private long _lastLine;

    public TrainingOrder Order => order;

    public int CommittedStep { get; private set; }

    public long TokensStepped { get; private set; }

    private JobSpec Spec => order.Spec;

    private TrainerState State => _training.State;

    public JobState Attach(Action<TrainerReport> report)
    {
        guard();
        var found = _checkpoints.Find();
        if (found is { Manifest.Finished: true })
        {
            Log("the result is already committed");
            var done = _checkpoints.LoadState(found);
            report(new JobFinished(order.JobId, order.Epoch, found.Key, Result(done, WeightsDigest(found), order.Resolved.TrainableParameters)));
            return JobState.Finished;
        }
        _training.Open();
        if (found is not null) _training.Restore(_checkpoints, found);
        CommittedStep = State.Step;
        report(new JobAttached(order.JobId, order.Epoch, State.Step, [.. found?.Skipped.Select(s => s.Key) ?? []]));
        Log($"{(found is null ? "starts" : "resumes")} at step {State.Step} of {_training.TotalSteps}: {_training.Trainee.Trained.Count} parameters in training");
        return JobState.Running;
    }

    public JobState Step(Action<TrainerReport> report)
    {
        guard();
        if (State.Step < _training.TotalSteps) StepOnce(report);
        if (State.Step >= _training.TotalSteps)
        {
            Finish(report);
            return JobState.Finished;
        }
        if (State.Step % Spec.Checkpoint.EverySteps == 0) Checkpoint(report);
        return JobState.Running;
    }

    public void Checkpoint(Action<TrainerReport> report)
    {
        if (State.Step > CommittedStep) Commit(finished: false, report);
        Flush(report);
    }

    public void Dispose()
    {
        _telemetry.Dispose();
        _training.Dispose();
    }

    private void StepOnce(Action<TrainerReport> report)
    {
        using var span = _telemetry.Step(State.Step + 1);
        var done = _training.Step();
        _telemetry.Stepped(span, done.Seconds, done.Batch.Tokens);
        TokensStepped += done.Batch.Tokens;
        _unreported.Add(new StepMetrics
        {
            Step = State.Step,
            Attempt = order.Epoch,
            Epoch = done.Batch.Epoch,
            TrainLoss = done.Outcome.Loss.Tokens > 0 ? done.Outcome.Loss.Sum / done.Outcome.Loss.Tokens : null,
            ValidLoss = done.ValidLoss,
            LearningRate = done.Outcome.LearningRate,
            GradNorm = done.Outcome.GradientNorm,
            Tokens = done.Batch.Tokens,
            SupervisedTokens = done.Outcome.Loss.Tokens,
            Seconds = done.Seconds,
            Provisional = true,
        });
        if (time.GetElapsedTime(_lastReport) >= ReportInterval || done.ValidLoss is not null) Flush(report);
        LogStep(done);
    }

    private void Commit(bool finished, Action<TrainerReport> report)
    {
        using var span = _telemetry.Commit(State.Step);
        var started = time.GetTimestamp();
        var committed = _checkpoints.Commit(State, _training.Parts(finished), finished, guard);
        CommittedStep = State.Step;
        var seconds = time.GetElapsedTime(started).TotalSeconds;
        _telemetry.Committed(seconds);
        Flush(report);
        report(new JobCommitted(
            order.JobId, order.Epoch, State.Step, State.SamplesConsumed, committed.ManifestKey, committed.WeightsSha256, committed.OptimizerSha256, seconds));
        Log($"step {State.Step} committed: weights sha256 {committed.WeightsSha256}, optimizer sha256 {committed.OptimizerSha256}");
        if (finished)
            report(new JobFinished(order.JobId, order.Epoch, committed.ManifestKey, Result(State, committed.WeightsSha256, _training.Trainee.Trained.Count)));
    }

    private void Finish(Action<TrainerReport> report)
    {
        if (FailedGate() is { } failure)
        {
            Checkpoint(report);
            throw failure;
        }
        Commit(finished: true, report);
        Log(string.Create(CultureInfo.InvariantCulture, $"finished: {State.Step} steps, {State.TokensSeen} tokens, {State.TrainSeconds:F1} s"));
    }

    private GridException? FailedGate()
    {
        foreach (var gate in Spec.Evaluation.Gates)
        {
            double? value = gate.Metric switch { "valid_loss" => State.ValidLoss, "train_loss" => State.TrainLoss, _ => null };
            if (value is { } v && (gate.Max is not { } max || v <= max) && (gate.Min is not { } min || v >= min)) continue;
            var bounds = string.Join(" and ", new[] { gate.Max is { } high ? $"at most {high}" : null, gate.Min is { } low ? $"at least {low}" : null }.OfType<string>());
            return new GridException(
                ErrorCodes.GateFailed, string.Create(CultureInfo.InvariantCulture, $"The gate on {gate.Metric} failed: it is {value}, and must be {bounds}. The last checkpoint is kept."), "evaluation.gates");
        }
        return null;
    }

    private static JobResult Result(TrainerState state, string weights, long parameters) => new()
    {
        Steps = state.Step,
        TrainLoss = state.TrainLoss,
        ValidLoss = state.ValidLoss,
        WeightsSha256 = weights,
        TrainableParameters = parameters,
        TokensSeen = state.TokensSeen,
        TrainSeconds = state.TrainSeconds,
    };

    private string WeightsDigest(RestoredCheckpoint found) =>
        RunCheckpoints.Part(found, Spec.Method.IsFull ? RunParts.Model : RunParts.Adapter).Sha256;

    private void Flush(Action<TrainerReport> report)
    {
        if (_unreported.Count == 0) return;
        report(new JobSteps(order.JobId, order.Epoch, [.. _unreported]));
        _unreported.Clear();
        _lastReport = time.GetTimestamp();
    }

    private void LogStep(StepDone done)
    {
        if (done.ValidLoss is null && State.Step < _training.TotalSteps && _lastLine != 0 && time.GetElapsedTime(_lastLine) < ReportInterval) return;
        _lastLine = time.GetTimestamp();
        var (loss, tail) = (done.Outcome.Loss, done.ValidLoss is { } v ? string.Create(CultureInfo.InvariantCulture, $", validation loss {v:F4}") : "");
        Log(string.Create(
            CultureInfo.InvariantCulture,
            $"step {State.Step}/{_training.TotalSteps}: loss {loss.Sum / Math.Max(1, loss.Tokens):F4}, learning rate {done.Outcome.LearningRate:G4}, gradient norm {done.Outcome.GradientNorm:F3}, {done.Batch.Tokens / Math.Max(done.Seconds, 1e-9):F0} tokens/s{tail}"));
    }

    private void Log(string text) => Console.WriteLine(LogLine.Job(order.JobId, text));
}
