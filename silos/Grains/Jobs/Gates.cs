using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>The bounds that a result must keep to be registered.</summary>
internal static class Gates
{
    public static GridError? Check(IReadOnlyList<EvaluationGate> gates, JobResult result)
    {
        for (var i = 0; i < gates.Count; i++)
            if (Check(gates[i], result) is { } why)
                return new GridError(ErrorCodes.GateFailed, why, $"evaluation.gates[{i}]");
        return null;
    }

    private static string? Check(EvaluationGate gate, JobResult result)
    {
        var value = gate.Metric switch
        {
            "valid_loss" => result.ValidLoss,
            "valid_accuracy" => result.Valid?.Accuracy,
            "valid_macro_f1" => result.Valid?.MacroF1,
            _ => result.TrainLoss,
        };
        if (value is not { } measured)
            return $"The gate on {gate.Metric} could not be checked: the job did not measure it.";
        // A loss that is not a number keeps no bound.
        if (gate.Max is { } max && !(measured <= max))
            return $"{gate.Metric} is {measured:0.####}, above the gate's maximum of {max:0.####}; the result was not registered.";
        if (gate.Min is { } min && !(measured >= min))
            return $"{gate.Metric} is {measured:0.####}, below the gate's minimum of {min:0.####}; the result was not registered.";
        return null;
    }
}
