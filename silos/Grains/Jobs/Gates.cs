using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>The bounds that a result must keep to be registered, and to be an adapter's champion.</summary>
internal static class Gates
{
    public static GridError? Check(IReadOnlyList<EvaluationGate> gates, JobResult result) =>
        Check(gates, result.TrainLoss, result.ValidLoss, result.Valid, "the result was not registered");

    public static GridError? Check(IReadOnlyList<EvaluationGate> gates, AdapterMetrics metrics) =>
        Check(gates, metrics.TrainLoss, metrics.ValidLoss, metrics.Valid, "the version cannot be the champion");

    /// <param name="consequence">What follows from a gate that does not hold.</param>
    private static GridError? Check(IReadOnlyList<EvaluationGate> gates, double? trainLoss, double? validLoss, ClassScores? valid, string consequence)
    {
        for (var i = 0; i < gates.Count; i++)
        {
            var value = gates[i].Metric switch
            {
                "valid_loss" => validLoss,
                "valid_accuracy" => valid?.Accuracy,
                "valid_macro_f1" => valid?.MacroF1,
                _ => trainLoss,
            };
            if (Check(gates[i], value) is { } why)
                return new GridError(ErrorCodes.GateFailed, $"{why}; {consequence}.", $"evaluation.gates[{i}]");
        }
        return null;
    }

    private static string? Check(EvaluationGate gate, double? value)
    {
        if (value is not { } measured)
            return $"The gate on {gate.Metric} could not be checked: the job did not measure it";
        // A loss that is not a number keeps no bound.
        if (gate.Max is { } max && !(measured <= max))
            return $"{gate.Metric} is {measured:0.####}, above the gate's maximum of {max:0.####}";
        if (gate.Min is { } min && !(measured >= min))
            return $"{gate.Metric} is {measured:0.####}, below the gate's minimum of {min:0.####}";
        return null;
    }
}
