using System.Text.Json;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>One numbered entry of a job's event log. Numbers start at 1 and have no holes.</summary>
/// <param name="Type">state, placement, checkpoint, evaluation, metrics, warning, error.</param>
public sealed record JobEvent(long Seq, DateTimeOffset Time, string Type, string Level, string Message, JsonElement? Data = null);

public static class EventTypes
{
    public const string State = "state";
    public const string Placement = "placement";
    public const string Checkpoint = "checkpoint";
    public const string Evaluation = "evaluation";
    public const string Metrics = "metrics";
    public const string Warning = "warning";
    public const string Error = "error";
}

/// <summary>What one optimizer step measured. Readers see each committed step once (highest attempt wins).</summary>
public sealed record StepMetrics : PreferenceMetrics
{
    public required int Step { get; init; }

    /// <summary>The job's fencing epoch (attempt) that ran the step; not a pass over the data.</summary>
    public required int Attempt { get; init; }

    /// <summary>Passes over the data, fractional, after this step.</summary>
    public double Epoch { get; init; }

    /// <summary>Mean loss over the supervised tokens of the step, or over its pairs.</summary>
    public double? TrainLoss { get; init; }

    public double? ValidLoss { get; init; }

    /// <summary>Beside the loss, where a classifier was evaluated.</summary>
    public ClassScores? Valid { get; init; }

    public double? LearningRate { get; init; }

    public double? GradNorm { get; init; }

    /// <summary>Tokens of the step, supervised or context, never padding.</summary>
    public long Tokens { get; init; }

    public long SupervisedTokens { get; init; }

    public double Seconds { get; init; }

    /// <summary>True until a checkpoint at or after this step is committed.</summary>
    public bool Provisional { get; init; }
}
