using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Trainer.Training;

/// <summary>A step's sums over pairs as the means that its metrics have.</summary>
internal static class PreferenceFigures
{
    /// <param name="pairs">Whether the job trains on preferences; the metrics of others stay as they are.</param>
    public static StepMetrics Of(StepDone done, StepMetrics metrics, bool pairs)
    {
        if (!pairs)
            return metrics;
        if (done.Outcome.Loss is { Count: > 0 and var count, Pairs: var step })
        {
            metrics = metrics with
            {
                ChosenReward = step.ChosenRewards / count,
                RejectedReward = step.RejectedRewards / count,
                RewardAccuracy = step.Accurate / count,
                RewardMargin = (step.ChosenRewards - step.RejectedRewards) / count,
                ChosenLogp = step.ChosenLogps / count,
                RejectedLogp = step.RejectedLogps / count,
            };
        }
        return done.Validation is { Count: > 0 and var all, Pairs: { } found }
            ? metrics with
            {
                EvalChosenReward = found.ChosenRewards / all,
                EvalRejectedReward = found.RejectedRewards / all,
                EvalRewardAccuracy = found.Accurate / all,
                EvalRewardMargin = (found.ChosenRewards - found.RejectedRewards) / all,
                EvalChosenLogp = found.ChosenLogps / all,
                EvalRejectedLogp = found.RejectedLogps / all,
            }
            : metrics;
    }
}
