using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Gangs;
using FineTuneGrid.Trainer.Models;
using TorchSharp;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// An order in training: trainee, data, optimizer and state, one step at a time. It knows neither commits nor reports, so that
/// a job and a replay of it take the very same steps.
/// </summary>
/// <param name="guard">Throws where the work must stop; called before whatever takes long.</param>
/// <param name="gang">The workers that share the steps; null for one alone. The first of them evaluates.</param>
internal sealed class OrderTraining(TrainingOrder order, ModelStore models, IBlobStore store, Action guard, TimeProvider time, Gang? gang = null) : IDisposable
{
    private OptimizerStep _optimizer = null!;
    private TrainingData _data = null!;
    private TokenDataset? _validation;
    private LocalRounds? _rounds;
    private RoundState? _restoredRounds;
    private string? _ownStates;
    private StateCopy? _copy;

    public Trainee Trainee { get; private set; } = null!;

    public TrainerState State { get; private set; } = new();

    public int TotalSteps => _data.TotalSteps;

    private JobSpec Spec => order.Spec;

    /// <summary>Loads what the order names, at its very beginning.</summary>
    public void Open()
    {
        Trainee = models.Open(order);
        _data = TrainingData.OpenAsync(store, order.Train, Spec, order.Resolved.MicroBatchTokens, Trainee.Model.Architecture.Classifier).GetAwaiter().GetResult();
        if (order.Validation is { } validation) _validation = TokenDataset.OpenAsync(store, validation).GetAwaiter().GetResult();
        if (gang is not null && Spec.Optimizer.LocalSteps is { } local && order.Resolved.Mode != "exact") _rounds = new LocalRounds(gang, Trainee.Trained, local);
        _optimizer = new OptimizerStep(Trainee, Spec, _data.TotalSteps, Sum());
    }

    /// <summary>Goes on from a committed state. A gang of another size than the one that left it begins with the mean of its workers.</summary>
    public void Restore(RunCheckpoints checkpoints, RestoredCheckpoint found)
    {
        State = checkpoints.Load(found, Trainee, _optimizer.Optimizer);
        if (_rounds is not null) _restoredRounds = checkpoints.LoadRounds(found, Trainee);
        var workers = WorkerStates.WorkersIn(found.Manifest);
        if (workers == 1) return;
        if (workers == gang?.Size) _ownStates = found.Key;
        else checkpoints.LoadMean(found, workers, Trainee);
    }

    /// <summary>
    /// Begins where the gang's first worker is: it alone has read the head, and may have restored. What it has is shared, but for states
    /// that each worker has of its own.
    /// </summary>
    public void TakeFirstWorkersState(RunCheckpoints checkpoints)
    {
        var start = GridJson.Parse<GangStart>(gang!.Share(gang.IsFirst ? GridJson.ToBytes(new GangStart(State, _ownStates)) : null));
        State = start.State;
        _optimizer.Optimizer.StepCount = State.Step;
        if (start.OwnStates is { } manifest)
        {
            _rounds!.Resume(gang.IsFirst ? _restoredRounds! : OwnRounds(checkpoints, checkpoints.Open(manifest)));
            return;
        }
        foreach (var values in (torch.Tensor[])[Trainee.Trained.Flat, _optimizer.Optimizer.FirstMoment, _optimizer.Optimizer.SecondMoment]) gang.Share(values);
        _rounds?.Begin(_restoredRounds);
    }

    /// <summary>Whether each worker has a state of its own.</summary>
    public bool HasOwnStates => _rounds is not null;

    /// <summary>This worker's own state as a part of the first one's checkpoint, from a copy where that is small enough.</summary>
    public CheckpointPart OwnPart()
    {
        var values = IsCopied ? Copied(_rounds!.State.Own) : RunValues.Live(Trainee.Trained, _optimizer.Optimizer, _rounds!.State.Own);
        return new CheckpointPart(RunParts.WorkerName(gang!.Rank), () => RunParts.Worker(values));
    }

    /// <summary>One optimizer step, with the evaluation that is due after it.</summary>
    public StepDone Step()
    {
        var started = time.GetTimestamp();
        var batch = _data.Next(State.SamplesConsumed);
        var outcome = _optimizer.Run(State.Step, batch, guard);
        _rounds?.EndStep(State.Step + 1, NeedsCommonState(State.Step + 1));
        var seconds = time.GetElapsedTime(started).TotalSeconds;
        State = State.After(batch, outcome.Loss, seconds);
        return new StepDone(batch, outcome, seconds, EvaluationIsDue() ? Evaluate() : null);
    }

    /// <summary>Whether the numbers are few enough to be copied for a checkpoint.</summary>
    public bool IsCopied => StateCopy.BytesFor(Trainee.Trained.Count) > 0;

    /// <summary>
    /// The present state as a checkpoint's parts: weights, moments, the trainer's state and, at the end, what the result adds. They are to
    /// be read on this thread, before the next step.
    /// </summary>
    public IReadOnlyList<CheckpointPart> Parts(bool finished, Untold? untold = null) =>
        Parts(RunValues.Live(Trainee.Trained, _optimizer.Optimizer, Rounds), finished, untold);

    /// <summary>The same from a copy, to be read on any thread until the next is taken.</summary>
    public IReadOnlyList<CheckpointPart> CopiedParts(bool finished, Untold? untold = null) =>
        Parts(Copied(Rounds), finished, untold);

    public void Dispose()
    {
        _optimizer?.Dispose();
        Trainee?.Dispose();
        _data?.Dispose();
        _validation?.Dispose();
    }

    private IReadOnlyDictionary<string, float[]> Rounds => _rounds?.State.All ?? new Dictionary<string, float[]>();

    private RunValues Copied(IReadOnlyDictionary<string, float[]> rounds) => (_copy ??= new StateCopy(Trainee.Trained)).Take(_optimizer.Optimizer, rounds);

    private RoundState OwnRounds(RunCheckpoints checkpoints, RestoredCheckpoint found) =>
        checkpoints.LoadRounds(found, Trainee)! with { Carried = checkpoints.LoadWorker(found, gang!.Rank, Trainee, _optimizer.Optimizer) };

    private IGradientSum Sum() => gang switch
    {
        null => new SingleSum(Trainee.Trained),
        _ when _rounds is not null => new LocalSum(gang, Trainee.Trained),
        _ when order.Resolved.Mode == "exact" => new GangSum(gang, Trainee.Trained),
        _ => new ReducedSum(gang, Trainee.Trained),
    };

    /// <summary>For a commit or an evaluation. All workers know it alike.</summary>
    private bool NeedsCommonState(int done) =>
        done >= _data.TotalSteps || done % Spec.Checkpoint.EverySteps == 0 || (Spec.Evaluation.EverySteps is { } every && done % every == 0);

    private bool EvaluationIsDue() =>
        _validation is not null && gang is null or { IsFirst: true } && (State.Step >= _data.TotalSteps || (Spec.Evaluation.EverySteps is { } every && State.Step % every == 0));

    private Evaluation Evaluate()
    {
        var batches = TrainingData.All(_validation!, order.Resolved.MicroBatchTokens, Trainee.Model.Architecture.Classifier);
        var found = Evaluator.Run(Trainee.Model, Trainee.Adapter, batches, guard, Spec.Objective.PairBeta);
        if (!double.IsFinite(found.Loss)) throw new GridException(ErrorCodes.Diverged, $"The validation loss after step {State.Step} is not a finite number: training diverged. Lower optimizer.learning_rate.", "optimizer.learning_rate");
        State = State.WithValidation(found);
        return found;
    }

    private IReadOnlyList<CheckpointPart> Parts(RunValues values, bool finished, Untold? untold)
    {
        var state = State with { Untold = untold };
        var json = new Lazy<byte[]>(() => GridJson.ToBytes(state));
        return
        [
            new(RunParts.WeightsName(Trainee), () => RunParts.Weights(values)),
            new(RunParts.Optimizer, () => RunParts.Moments(values)),
            new(TrainerState.PartName, () => new MemoryStream(json.Value, writable: false)),
            .. finished ? ResultFiles() : [],
        ];
    }

    private List<CheckpointPart> ResultFiles()
    {
        if (!Trainee.IsFull)
        {
            CheckpointPart config = new(RunParts.AdapterConfig, RunParts.PeftConfigOf(Trainee, Spec.BaseModelName() ?? order.Model!.Id));
            return Trainee.Model.Architecture.Classifier is { } classifier ? [config, new(ClassNames.FileName, ClassNames.Write(classifier.Labels))] : [config];
        }
        List<CheckpointPart> files = [new(RunParts.ModelConfig, RunParts.ConfigOf(Trainee))];
        foreach (var file in (order.TokenizerModel ?? order.Model)?.Files ?? [])
            if (RunParts.TokenizerFiles.Contains(file.Path)) files.Add(new CheckpointPart(file.Path, models.Bytes(file)));
        return files;
    }
}

/// <summary>Where a gang begins.</summary>
/// <param name="OwnStates">The manifest from which each worker takes its own state; null: all take the first one's.</param>
internal sealed record GangStart(TrainerState State, string? OwnStates);

/// <param name="Validation">Null where no evaluation was due.</param>
internal sealed record StepDone(StepBatch Batch, StepOutcome Outcome, double Seconds, Evaluation? Validation);
