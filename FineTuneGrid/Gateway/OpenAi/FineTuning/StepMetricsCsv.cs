using System.Globalization;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>A job's steps as the CSV of its result file. A step has a cell for what was measured at it; the others are empty.</summary>
internal static class StepMetricsCsv
{
    private static readonly (string Name, Func<StepMetrics, double?> Value)[] Usual =
    [
        ("train_loss", s => s.TrainLoss), ("valid_loss", s => s.ValidLoss), ("learning_rate", s => s.LearningRate), ("grad_norm", s => s.GradNorm),
        ("epoch", s => s.Epoch), ("tokens", s => s.Tokens), ("seconds", s => s.Seconds),
    ];

    private static readonly (string Name, Func<StepMetrics, double?> Value)[] Pairs =
    [
        ("rewards/chosen", s => s.ChosenReward), ("rewards/rejected", s => s.RejectedReward), ("rewards/accuracies", s => s.RewardAccuracy), ("rewards/margins", s => s.RewardMargin),
    ];

    public static string Header(bool pairs) => string.Join(',', [.. (string[])["step"], .. Columns(pairs).Select(c => c.Name)]);

    public static string Line(StepMetrics step, bool pairs) =>
        string.Join(',', [step.Step.ToString(CultureInfo.InvariantCulture), .. Columns(pairs).Select(c => c.Value(step)?.ToString("R", CultureInfo.InvariantCulture) ?? "")]);

    private static IEnumerable<(string Name, Func<StepMetrics, double?> Value)> Columns(bool pairs) => pairs ? [.. Usual, .. Pairs] : Usual;
}
