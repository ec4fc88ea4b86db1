using FineTuneGrid.Contracts;

namespace FineTuneGrid.Models.Optim;

/// <summary>The learning rate as a pure function of the step.</summary>
/// <param name="Kind"><c>cosine</c>, <c>linear</c> or <c>constant</c>: how it goes down after the warm-up.</param>
/// <param name="Peak">Rate at the end of the warm-up.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="WarmupRatio">Part of the run in which the rate rises from 0; rounded up to whole steps.</param>
public sealed record LearningRateSchedule(string Kind, double Peak, long TotalSteps, double WarmupRatio)
{
    public long WarmupSteps => (long)Math.Ceiling(TotalSteps * WarmupRatio);

    /// <summary>The rate of a step, counted from 0.</summary>
    /// <exception cref="GridException"><c>invalid_value</c>: an unknown kind.</exception>
    public double At(long step)
    {
        if (step < WarmupSteps)
            return Peak * (step + 1) / (WarmupSteps + 1);
        var span = Math.Max(1, TotalSteps - WarmupSteps);
        var done = Math.Clamp((double)(step - WarmupSteps) / span, 0, 1);
        return Kind switch
        {
            "constant" => Peak,
            "linear" => Peak * (1 - done),
            "cosine" => Peak * 0.5 * (1 + Math.Cos(Math.PI * done)),
            _ => throw new GridException(ErrorCodes.InvalidValue,
                $"optimizer.schedule '{Kind}' is not known; use cosine, linear or constant.", "optimizer.schedule"),
        };
    }
}
