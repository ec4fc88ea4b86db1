using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// One optimizer step: each canonical micro-batch yields its own fp32 gradient of the loss's sum; they are added in canonical
/// order, divided by the supervised tokens of the whole step, clipped and applied. No mean of means, no state but its own.
/// </summary>
internal sealed class OptimizerStep : IDisposable
{
    private readonly Trainee _trainee;
    private readonly JobSpec _spec;
    private readonly LearningRateSchedule _schedule;
    private readonly Tensor _total;
    private readonly Tensor _one;

    public OptimizerStep(Trainee trainee, JobSpec spec, int totalSteps)
    {
        (_trainee, _spec) = (trainee, spec);
        var optimizer = spec.Optimizer;
        _schedule = new LearningRateSchedule(optimizer.Schedule, optimizer.LearningRate, totalSteps, optimizer.WarmupRatio);
        Optimizer = new AdamW(trainee.Trained, new AdamWOptions
        {
            Beta1 = optimizer.Betas[0],
            Beta2 = optimizer.Betas[1],
            Epsilon = optimizer.Eps,
            WeightDecay = optimizer.WeightDecay,
            MaxGradientNorm = optimizer.MaxGradNorm,
        });
        _total = trainee.Trained.NewBuffer().DetachFromDisposeScope();
        _one = trainee.Trained.NewBuffer().DetachFromDisposeScope();
    }

    public AdamW Optimizer { get; }

    /// <param name="step">Steps done before this one.</param>
    /// <param name="between">Called before each micro-batch: throws where the work must stop.</param>
    /// <exception cref="GridException"><c>diverged</c>: the loss or the gradient is not a finite number.</exception>
    public StepOutcome Run(int step, StepBatch batch, Action between)
    {
        using var scope = NewDisposeScope();
        _total.zero_();
        var (sum, tokens) = (0.0, 0L);
        for (var i = 0; i < batch.MicroBatches.Count; i++)
        {
            between();
            _one.zero_();
            var pass = new TrainingPass(DropoutSeed(step, i));
            var loss = _trainee.Model.LossAndGradients(batch.MicroBatches[i](), _trainee.Adapter, _one, pass);
            if (!double.IsFinite(loss.Sum)) throw Diverged(step, "loss");
            (sum, tokens) = (sum + loss.Sum, tokens + loss.Count);
            _total.add_(_one);
        }
        if (tokens > 0) _total.div_((float)tokens);
        var rate = _schedule.At(step);
        var norm = Optimizer.Step(_total, rate);
        if (!double.IsFinite(norm)) throw Diverged(step, "gradient");
        return new StepOutcome(new StepLoss(sum, tokens), rate, norm);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        _total.Dispose();
        _one.Dispose();
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
