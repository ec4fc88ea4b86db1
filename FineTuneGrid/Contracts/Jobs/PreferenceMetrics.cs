using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>
/// What preference optimisation is watched by, by the names of TRL's trainer: means over the pairs of a step, and with <c>eval_</c> over
/// those of the validation data where an evaluation was due. Null in jobs with another objective.
/// </summary>
public abstract record PreferenceMetrics
{
    /// <summary>Beta times how much likelier the chosen sequence is to the model than to the base, in nats.</summary>
    [JsonPropertyName("rewards/chosen")]
    public double? ChosenReward { get; init; }

    [JsonPropertyName("rewards/rejected")]
    public double? RejectedReward { get; init; }

    /// <summary>Share of the pairs whose chosen sequence has the higher reward.</summary>
    [JsonPropertyName("rewards/accuracies")]
    public double? RewardAccuracy { get; init; }

    /// <summary>Reward of the chosen sequence less that of the rejected one.</summary>
    [JsonPropertyName("rewards/margins")]
    public double? RewardMargin { get; init; }

    /// <summary>Log-probability of the sequence's labels, in nats.</summary>
    [JsonPropertyName("logps/chosen")]
    public double? ChosenLogp { get; init; }

    [JsonPropertyName("logps/rejected")]
    public double? RejectedLogp { get; init; }

    [JsonPropertyName("eval_rewards/chosen")]
    public double? EvalChosenReward { get; init; }

    [JsonPropertyName("eval_rewards/rejected")]
    public double? EvalRejectedReward { get; init; }

    [JsonPropertyName("eval_rewards/accuracies")]
    public double? EvalRewardAccuracy { get; init; }

    [JsonPropertyName("eval_rewards/margins")]
    public double? EvalRewardMargin { get; init; }

    [JsonPropertyName("eval_logps/chosen")]
    public double? EvalChosenLogp { get; init; }

    [JsonPropertyName("eval_logps/rejected")]
    public double? EvalRejectedLogp { get; init; }
}
