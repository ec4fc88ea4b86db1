using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;

namespace FineTuneGrid.Trainer.Training;

/// <summary>One job's run: its trainee, data, optimizer and state, stepped by the session's loop.</summary>
/// <param name="guard">Throws where the lease is over; called before whatever takes long or lasts.</param>
internal sealed class OrderRun(TrainingOrder order, ModelStore models, IBlobStore store, Action guard, TimeProvider time) : IJobRun
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(1);

    private readonly RunCheckpoints _checkpoints = new(store, order, time);
    private readonly List<StepMetrics> _unreported = [];
    private Trainee _trainee = null!;
    private OptimizerStep _optimizer = null!;
    private TrainingData _data = null!;
    private TokenDataset? _validation;
    private TrainerState _state = new();
    private long _lastReport;
    private long _lastLine;

    public TrainingOrder Order => order;

    public int CommittedStep { get; private set; }

    public long TokensStepped { get; private set; }

    private JobSpec Spec => order.Spec;

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
        _trainee = models.Open(order);
        _data = TrainingData.OpenAsync(store, order.Train, Spec, order.Resolved.MicroBatchTokens).GetAwaiter().GetResult();
        if (order.Validation is { } validation) _validation = TokenDataset.OpenAsync(store, validation).GetAwaiter().GetResult();
        _optimizer = new OptimizerStep(_trainee, Spec, _data.TotalSteps);
        if (found is not null) _state = _checkpoints.Load(found, _trainee, _optimizer.Optimizer);
        CommittedStep = _state.Step;
        report(new JobAttached(order.JobId, order.Epoch, _state.Step, [.. found?.Skipped.Select(s => s.Key) ?? []]));
        Log($"{(found is null ? "starts" : "resumes")} at step {_state.Step} of {_data.TotalSteps}: {_trainee.Trained.Count} parameters in training");
        return JobState.Running;
    }

    public JobState Step(Action<TrainerReport> report)
    {
        guard();
        if (_state.Step < _data.TotalSteps) StepOnce(report);
        if (_state.Step >= _data.TotalSteps)
        {
            Finish(report);
            return JobState.Finished;
        }
        if (_state.Step % Spec.Checkpoint.EverySteps == 0) Checkpoint(report);
        return JobState.Running;
    }

    public void Checkpoint(Action<TrainerReport> report)
    {
        if (_state.Step > CommittedStep) Commit(null, report);
        Flush(report);
    }

    public void Dispose()
    {
        _optimizer?.Dispose();
        _trainee?.Dispose();
        _data?.Dispose();
        _validation?.Dispose();
    }

    private void StepOnce(Action<TrainerReport> report)
    {
        var started = time.GetTimestamp();
        var batch = _data.Next(_state.SamplesConsumed);
        var outcome = _optimizer.Run(_state.Step, batch, guard);
        var seconds = time.GetElapsedTime(started).TotalSeconds;
        _state = _state.After(batch, outcome.Loss, seconds);
        TokensStepped += batch.Tokens;
        var valid = EvaluationIsDue() ? Evaluate() : null;
        _unreported.Add(new StepMetrics
        {
            Step = _state.Step,
            Attempt = order.Epoch,
            Epoch = batch.Epoch,
            TrainLoss = outcome.Loss.Tokens > 0 ? outcome.Loss.Sum / outcome.Loss.Tokens : null,
            ValidLoss = valid,
            LearningRate = outcome.LearningRate,
            GradNorm = outcome.GradientNorm,
            Tokens = batch.Tokens,
            SupervisedTokens = outcome.Loss.Tokens,
            Seconds = seconds,
            Provisional = true,
        });
        if (time.GetElapsedTime(_lastReport) >= ReportInterval || valid is not null) Flush(report);
        LogStep(outcome, batch, seconds, valid);
    }

    private bool EvaluationIsDue() =>
        _validation is not null && (_state.Step >= _data.TotalSteps || (Spec.Evaluation.EverySteps is { } every && _state.Step % every == 0));

    private double? Evaluate()
    {
        var batches = TrainingData.All(_validation!, order.Resolved.MicroBatchTokens);
        var (loss, _) = Evaluator.Run(_trainee.Model, _trainee.Adapter, batches, guard);
        if (!double.IsFinite(loss)) throw new GridException(ErrorCodes.Diverged, $"The validation loss after step {_state.Step} is not a finite number: training diverged. Lower optimizer.learning_rate.", "optimizer.learning_rate");
        _state = _state.WithValidation(loss);
        return loss;
    }

    private void Commit(IReadOnlyList<CheckpointPart>? result, Action<TrainerReport> report)
    {
        var started = time.GetTimestamp();
        var committed = _checkpoints.Commit(_state, _trainee, _optimizer.Optimizer, result, guard);
        CommittedStep = _state.Step;
        var seconds = time.GetElapsedTime(started).TotalSeconds;
        Flush(report);
        report(new JobCommitted(
            order.JobId, order.Epoch, _state.Step, _state.SamplesConsumed, committed.ManifestKey, committed.WeightsSha256, committed.OptimizerSha256, seconds));
        Log($"step {_state.Step} committed: weights sha256 {committed.WeightsSha256}, optimizer sha256 {committed.OptimizerSha256}");
        if (result is not null)
            report(new JobFinished(order.JobId, order.Epoch, committed.ManifestKey, Result(_state, committed.WeightsSha256, _trainee.Trained.Count)));
    }

    private void Finish(Action<TrainerReport> report)
    {
        if (FailedGate() is { } failure)
        {
            Checkpoint(report);
            throw failure;
        }
        Commit(ResultFiles(), report);
        Log(string.Create(CultureInfo.InvariantCulture, $"finished: {_state.Step} steps, {_state.TokensSeen} tokens, {_state.TrainSeconds:F1} s"));
    }

    private GridException? FailedGate()
    {
        foreach (var gate in Spec.Evaluation.Gates)
        {
            double? value = gate.Metric switch { "valid_loss" => _state.ValidLoss, "train_loss" => _state.TrainLoss, _ => null };
            if (value is { } v && (gate.Max is not { } max || v <= max) && (gate.Min is not { } min || v >= min)) continue;
            var bounds = string.Join(" and ", new[] { gate.Max is { } high ? $"at most {high}" : null, gate.Min is { } low ? $"at least {low}" : null }.OfType<string>());
            return new GridException(
                ErrorCodes.GateFailed, string.Create(CultureInfo.InvariantCulture, $"The gate on {gate.Metric} failed: it is {value}, and must be {bounds}. The last checkpoint is kept."), "evaluation.gates");
        }
        return null;
    }

    private List<CheckpointPart> ResultFiles()
    {
        if (!_trainee.IsFull) return [new(RunParts.AdapterConfig, RunParts.PeftConfigOf(_trainee, Spec.BaseModelName() ?? order.Model!.Id))];
        List<CheckpointPart> files = [new(RunParts.ModelConfig, RunParts.ConfigOf(_trainee))];
        foreach (var file in (order.TokenizerModel ?? order.Model)?.Files ?? [])
            if (RunParts.TokenizerFiles.Contains(file.Path)) files.Add(new CheckpointPart(file.Path, models.Bytes(file)));
        return files;
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

    private void LogStep(StepOutcome outcome, StepBatch batch, double seconds, double? valid)
    {
        if (valid is null && _state.Step < _data.TotalSteps && _lastLine != 0 && time.GetElapsedTime(_lastLine) < ReportInterval) return;
        _lastLine = time.GetTimestamp();
        var tail = valid is { } v ? string.Create(CultureInfo.InvariantCulture, $", validation loss {v:F4}") : "";
        Log(string.Create(
            CultureInfo.InvariantCulture,
            $"step {_state.Step}/{_data.TotalSteps}: loss {outcome.Loss.Sum / Math.Max(1, outcome.Loss.Tokens):F4}, learning rate {outcome.LearningRate:G4}, gradient norm {outcome.GradientNorm:F3}, {batch.Tokens / Math.Max(seconds, 1e-9):F0} tokens/s{tail}"));
    }

    private void Log(string text) => Console.WriteLine(LogLine.Job(order.JobId, text));
}
