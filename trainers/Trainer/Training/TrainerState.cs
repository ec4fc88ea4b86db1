using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// Everything of a run besides weights and moments, after a whole number of optimizer steps. Randomness has no state, and the
/// learning rate is a function of the step.
/// </summary>
public sealed record TrainerState
{
    public const string PartName = "trainer_state.json";

    /// <summary>Losses kept for the reported training loss: the mean of the last so many steps.</summary>
    private const int Recent = 20;

    public int Step { get; init; }

    /// <summary>The data cursor.</summary>
    public long SamplesConsumed { get; init; }

    public long TokensSeen { get; init; }

    public double TrainSeconds { get; init; }

    /// <summary>Losses of the last steps, oldest first.</summary>
    public IReadOnlyList<StepLoss> RecentLosses { get; init; } = [];

    public double? ValidLoss { get; init; }

    /// <summary>Of a classifier, beside the loss.</summary>
    public ClassScores? Valid { get; init; }

    public double? BestValidLoss { get; init; }

    public int? BestValidStep { get; init; }

    /// <summary>Set in checkpoints alone; null in those of earlier builds.</summary>
    public Untold? Untold { get; init; }

    /// <summary>Mean loss of the last steps over all their tokens, or pairs.</summary>
    public double TrainLoss => RecentLosses.Sum(l => l.Sum) / Math.Max(1, RecentLosses.Sum(l => l.Count));

    internal TrainerState After(StepBatch batch, StepLoss loss, double seconds) => this with
    {
        Step = Step + 1,
        SamplesConsumed = batch.SamplesConsumed,
        TokensSeen = TokensSeen + batch.Tokens,
        TrainSeconds = TrainSeconds + seconds,
        RecentLosses = [.. RecentLosses.Append(loss).TakeLast(Recent)],
    };

    internal TrainerState WithValidation(Evaluation found) => this with
    {
        ValidLoss = found.Loss,
        Valid = found.Classes,
        BestValidLoss = BestValidLoss is { } best && best <= found.Loss ? best : found.Loss,
        BestValidStep = BestValidLoss is { } now && now <= found.Loss ? BestValidStep : Step,
    };
}
