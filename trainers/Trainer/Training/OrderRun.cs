using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Gangs;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// One job's run: its training, stepped by the session's loop, with commits, reports and the log. In a gang those are the first
/// worker's; the others compute.
/// </summary>
internal sealed class OrderRun : IJobRun
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(1);

    private readonly TrainingOrder _order;
    private readonly Action _guard;
    private readonly TimeProvider _time;
    private readonly Func<IEnumerable<TrainerReport>> _unacknowledged;
    private readonly Gang? _gang;
    private readonly RunCheckpoints _checkpoints;
    private readonly RunCommits _commits;
    private readonly OrderTraining _training;
    private readonly RunTelemetry _telemetry;
    private readonly WorkerStates? _states;
    private readonly List<StepMetrics> _unreported = [];
    private IReadOnlyList<string> _skipped = [];
    private IReadOnlyList<CheckpointPart> _others = [];
    private bool _begun;
    private long _lastReport;
    private long _lastLine;

    /// <param name="guard">Throws where the lease is over; called before whatever takes long or lasts.</param>
    /// <param name="unacknowledged">The reports that the control plane is not known to have.</param>
    /// <param name="commitsBeside">Checkpoints are committed beside the steps that follow; else the steps wait.</param>
    /// <exception cref="GridException">The order is for a gang, and that cannot be here.</exception>
    public OrderRun(
        TrainingOrder order, ModelStore models, IBlobStore store, Action guard, TimeProvider time, Func<IEnumerable<TrainerReport>> unacknowledged, bool commitsBeside = true)
    {
        (_order, _guard, _time, _unacknowledged) = (order, guard, time, unacknowledged);
        _gang = Gang.Of(order, guard, time);
        _telemetry = new RunTelemetry(order);
        _checkpoints = new RunCheckpoints(store, order, time);
        _training = new OrderTraining(order, models, store, guard, time, _gang);
        _commits = new RunCommits(_training, _checkpoints, _telemetry, guard, time, commitsBeside);
        if (_gang is not null) _states = new WorkerStates(_gang, _checkpoints, guard);
    }

    public TrainingOrder Order => _order;

    public int? CommittedStep => _commits.CommittedStep;

    public long TrainedParameters => _training.Trainee.Trained.Count;

    public long TokensStepped { get; private set; }

    private JobSpec Spec => _order.Spec;

    private TrainerState State => _training.State;

    public Departure? Agreed => _gang?.Agreed;

    /// <summary>Whether this process speaks for the job.</summary>
    private bool IsFirst => _gang is null or { IsFirst: true };

    public JobState Attach(Action<TrainerReport> report)
    {
        _guard();
        var found = IsFirst ? _checkpoints.Find() : null;
        if (found is { Manifest.Finished: true })
        {
            Log("the result is already committed");
            var done = _checkpoints.LoadState(found);
            report(Untold.Recall(_order, found, done));
            report(new JobFinished(_order.JobId, _order.Epoch, found.Key, Result(done, WeightsDigest(found), _order.Resolved.TrainableParameters)));
            return JobState.Finished;
        }
        // The others may start while this one loads.
        _gang?.Open(report);
        _training.Open();
        if (found is not null)
        {
            _training.Restore(_checkpoints, found);
            report(Untold.Recall(_order, found, State));
        }
        if (IsFirst) _commits.CommittedStep = State.Step;
        _skipped = [.. found?.Skipped.Select(s => s.Key) ?? []];
        if (_gang is null) Begin(report);
        return JobState.Running;
    }

    public JobState Step(Action<TrainerReport> report)
    {
        _guard();
        Tell(_commits.Poll(), report);
        if (!_begun)
        {
            if (!_gang!.Meet()) return JobState.Running;
            _training.TakeFirstWorkersState(_checkpoints);
            Begin(report);
        }
        try
        {
            return StepOn(report);
        }
        catch (Exception e) when (_commits.IsUnderWay)
        {
            SettleAfter(e, report);
            throw;
        }
    }

    public bool MayLeave(Departure departure) => _gang?.Ask(departure) != true;

    public void Checkpoint(Action<TrainerReport> report)
    {
        Settle(report);
        if (State.Step > CommittedStep)
        {
            BeginCommit(finished: false, report);
            Settle(report);
        }
        Flush(report);
    }

    public void Settle(Action<TrainerReport> report)
    {
        _states?.Settle();
        Tell(_commits.Wait(), report);
    }

    public void Dispose()
    {
        _commits.Dispose();
        _states?.Dispose();
        _telemetry.Dispose();
        _gang?.Dispose();
        _training.Dispose();
    }

    private JobState StepOn(Action<TrainerReport> report)
    {
        if (State.Step < _training.TotalSteps) StepOnce(report);
        if (State.Step >= _training.TotalSteps)
        {
            _gang?.Part();
            _others = [];
            Finish(report);
            return JobState.Finished;
        }
        var isDue = Agreed?.Checkpoint ?? State.Step % Spec.Checkpoint.EverySteps == 0;
        if (isDue && _training.HasOwnStates) _others = _states!.Exchange(_training.OwnPart, _training.IsCopied);
        if (Agreed is not null)
        {
            _gang!.Part();
            return JobState.Leaving;
        }
        if (IsFirst && isDue) CommitBeside(report);
        return JobState.Running;
    }

    private void Begin(Action<TrainerReport> report)
    {
        _begun = true;
        report(new JobAttached(_order.JobId, _order.Epoch, State.Step, _skipped));
        var share = _gang is null ? "" : $", worker {_gang.Rank} of {_gang.Size}";
        Log($"{(State.Step == 0 ? "starts" : "resumes")} at step {State.Step} of {_training.TotalSteps}: {_training.Trainee.Trained.Count} parameters in training{share}");
    }

    private void StepOnce(Action<TrainerReport> report)
    {
        using var span = _telemetry.Step(State.Step + 1);
        var done = _training.Step();
        _telemetry.Stepped(span, done.Seconds, IsFirst ? done.Batch.Tokens : 0);
        TokensStepped += done.Batch.Tokens;
        if (!IsFirst) return;
        _unreported.Add(PreferenceFigures.Of(done, new StepMetrics
        {
            Step = State.Step,
            Attempt = _order.Epoch,
            Epoch = done.Batch.Epoch,
            TrainLoss = done.Outcome.Loss.Count > 0 ? done.Outcome.Loss.Sum / done.Outcome.Loss.Count : null,
            ValidLoss = done.Validation?.Loss,
            Valid = done.Validation?.Classes,
            LearningRate = done.Outcome.LearningRate,
            GradNorm = done.Outcome.GradientNorm,
            Tokens = done.Batch.Tokens,
            SupervisedTokens = done.Outcome.Loss.SupervisedTokens,
            Seconds = done.Seconds,
            Provisional = true,
        }, _order.Spec.Objective.PairBeta is not null));
        if (_time.GetElapsedTime(_lastReport) >= ReportInterval || done.Validation is not null) Flush(report);
        LogStep(done);
    }

    /// <summary>A commit that takes longer than the steps to the next one holds them up: there is no queue.</summary>
    private void CommitBeside(Action<TrainerReport> report)
    {
        var started = _time.GetTimestamp();
        Settle(report);
        BeginCommit(finished: false, report);
        Tell(_commits.Poll(), report);
        _telemetry.Stalled(_time.GetElapsedTime(started).TotalSeconds);
    }

    private void BeginCommit(bool finished, Action<TrainerReport> report)
    {
        Flush(report);
        _commits.Begin(finished, Untold.Of(_order.JobId, _unacknowledged()), _others);
    }

    private void Tell(RunCommit? commit, Action<TrainerReport> report)
    {
        if (commit is not { State: var state, Result: var committed }) return;
        report(new JobCommitted(
            _order.JobId, _order.Epoch, state.Step, state.SamplesConsumed, committed.ManifestKey, committed.WeightsSha256, committed.OptimizerSha256, commit.Seconds));
        Log($"step {state.Step} committed: weights sha256 {committed.WeightsSha256}, optimizer sha256 {committed.OptimizerSha256}");
        if (commit.Finished)
            report(new JobFinished(_order.JobId, _order.Epoch, committed.ManifestKey, Result(state, committed.WeightsSha256, _training.Trainee.Trained.Count)));
    }

    /// <summary>
    /// A step failed while the commit of an earlier one was under way: that is told first, and its own fault comes before the step's. Where
    /// the whole session ends the step's fault stands; without a lease nothing is waited for.
    /// </summary>
    private void SettleAfter(Exception fault, Action<TrainerReport> report)
    {
        if (fault is GridException { Code: ErrorCodes.LeaseLost }) return;
        if (fault is GridException { Code: ErrorCodes.GangBroken }) _states?.GiveUp();
        try
        {
            Settle(report);
        }
        catch (Exception e) when (fault is GridException { Code: ErrorCodes.GangBroken } && e is not GridException { Code: ErrorCodes.LeaseLost })
        {
            Log($"the commit that was under way failed: {e.Message}");
        }
    }

    private void Finish(Action<TrainerReport> report)
    {
        if (!IsFirst)
        {
            Settle(report);
            report(new JobDetached(_order.JobId, _order.Epoch, "worker 0 finishes the job", null));
            return;
        }
        if (FailedGate() is { } failure)
        {
            Checkpoint(report);
            throw failure;
        }
        Settle(report);
        BeginCommit(finished: true, report);
        Settle(report);
        Log(string.Create(CultureInfo.InvariantCulture, $"finished: {State.Step} steps, {State.TokensSeen} tokens, {State.TrainSeconds:F1} s"));
    }

    private GridException? FailedGate()
    {
        foreach (var gate in Spec.Evaluation.Gates)
        {
            double? value = gate.Metric switch
            {
                "valid_loss" => State.ValidLoss, "train_loss" => State.TrainLoss, "valid_accuracy" => State.Valid?.Accuracy, "valid_macro_f1" => State.Valid?.MacroF1, _ => null,
            };
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
        Valid = state.Valid,
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
        report(new JobSteps(_order.JobId, _order.Epoch, [.. _unreported]));
        _unreported.Clear();
        _lastReport = _time.GetTimestamp();
    }

    private void LogStep(StepDone done)
    {
        if (done.Validation is null && State.Step < _training.TotalSteps && _lastLine != 0 && _time.GetElapsedTime(_lastLine) < ReportInterval) return;
        _lastLine = _time.GetTimestamp();
        var (loss, tail) = (done.Outcome.Loss, done.Validation is { } v ? Text(v) : "");
        Log(string.Create(
            CultureInfo.InvariantCulture,
            $"step {State.Step}/{_training.TotalSteps}: loss {loss.Sum / Math.Max(1, loss.Count):F4}, learning rate {done.Outcome.LearningRate:G4}, gradient norm {done.Outcome.GradientNorm:F3}, {done.Batch.Tokens / Math.Max(done.Seconds, 1e-9):F0} tokens/s{tail}"));
    }

    private static string Text(Evaluation found) => string.Create(CultureInfo.InvariantCulture, $", validation loss {found.Loss:F4}")
        + (found.Classes is { } c ? string.Create(CultureInfo.InvariantCulture, $", accuracy {c.Accuracy:F4}, macro F1 {c.MacroF1:F4}") : "");

    private void Log(string text) => Console.WriteLine(LogLine.Job(_order.JobId, text));
}
