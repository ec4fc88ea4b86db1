using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// One optimizer step: each canonical micro-batch yields its own fp32 gradient of the loss's sum; they are added in canonical
/// order, divided by the supervised tokens, or pairs, of the whole step, clipped and applied. No mean of means, no state but its own.
/// </summary>
internal sealed class OptimizerStep : IDisposable
{
    private readonly Trainee _trainee;
    private readonly JobSpec _spec;
    private readonly LearningRateSchedule _schedule;
    private readonly IGradientSum _gradients;

    /// <param name="gradients">Owned from here on.</param>
    public OptimizerStep(Trainee trainee, JobSpec spec, int totalSteps, IGradientSum gradients)
    {
        (_trainee, _spec, _gradients) = (trainee, spec, gradients);
        var optimizer = spec.Optimizer;
        _schedule = new LearningRateSchedule(optimizer.Schedule, optimizer.LearningRate, totalSteps, optimizer.WarmupRatio);
        Optimizer = new AdamW(trainee.Trained, new AdamWOptions
        {
            Beta1 = optimizer.Betas[0],
            Beta2 = optimizer.Betas[1],
            Epsilon = optimizer.Eps,
            WeightDecay = optimizer.WeightDecay,
            LoraPlusRatio = spec.Method.LoraPlusRatio,
            MaxGradientNorm = optimizer.MaxGradNorm,
        });
    }

    public AdamW Optimizer { get; }

    /// <param name="step">Steps done before this one.</param>
    /// <param name="between">Called before each micro-batch: throws where the work must stop.</param>
    /// <exception cref="GridException"><c>diverged</c>: the loss or the gradient is not a finite number.</exception>
    public StepOutcome Run(int step, StepBatch batch, Action between)
    {
        using var scope = NewDisposeScope();
        var loss = _gradients.Run(step, batch.MicroBatches.Count, (i, gradient, layerDone) =>
        {
            between();
            var pass = new TrainingPass(DropoutSeed(step, i), Recompute: _trainee.Model.Weights.IsQuantized, _spec.Objective.PairBeta, layerDone);
            return _trainee.Model.LossAndGradients(batch.MicroBatches[i](), _trainee.Adapter, gradient, pass);
        });
        if (!double.IsFinite(loss.Sum)) throw Diverged(step, "loss");
        if (loss.Count > 0) _gradients.Total.div_((float)loss.Count);
        var rate = _schedule.At(step);
        var norm = Optimizer.Step(_gradients.Total, rate);
        if (!double.IsFinite(norm)) throw Diverged(step, "gradient");
        return new StepOutcome(loss, rate, norm);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        _gradients.Dispose();
    }

    /// <summary>A function of the spec's seed and the micro-step's place alone.</summary>
    private long? DropoutSeed(int step, int index) =>
        _spec.Method.IsFull || _spec.Method.Dropout == 0 ? null : (long)CounterRng.Stream(_spec.Optimizer.Seed, $"dropout/{step}").Bits(index);

    private static GridException Diverged(int step, string what) => new(
        ErrorCodes.Diverged,
        $"The {what} of step {step + 1} is not a finite number: training diverged. Lower optimizer.learning_rate, or set optimizer.max_grad_norm.",
        "optimizer.learning_rate");
}

internal sealed record StepOutcome(StepLoss Loss, double LearningRate, double GradientNorm);
