using FineTuneGrid.Models;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>The loss of micro-batch <paramref name="index"/>; its gradient is added to <paramref name="gradient"/>.</summary>
/// <param name="layerDone">See <see cref="TrainingPass"/>.</param>
internal delegate LossResult MicroBatchGradient(int index, Tensor gradient, Action<int>? layerDone = null);

/// <summary>Sums the gradients of a step's micro-batches in fp32.</summary>
internal interface IGradientSum : IDisposable
{
    /// <summary>Flat fp32 sum of the last run.</summary>
    Tensor Total { get; }

    /// <param name="step">Steps done before this one.</param>
    /// <param name="count">Number of micro-batches.</param>
    /// <returns>The sum of the losses, which may be no finite number.</returns>
    StepLoss Run(int step, int count, MicroBatchGradient compute);
}

/// <summary>One worker computes every micro-batch and adds them in canonical order.</summary>
internal sealed class SingleSum(FlatParameters trained) : IGradientSum
{
    private readonly Tensor _one = trained.NewBuffer().DetachFromDisposeScope();

    public Tensor Total { get; } = trained.NewBuffer().DetachFromDisposeScope();

    public StepLoss Run(int step, int count, MicroBatchGradient compute)
    {
        using var scope = NewDisposeScope();
        Total.zero_();
        var sum = StepLoss.Nothing;
        for (var i = 0; i < count && double.IsFinite(sum.Sum); i++)
        {
            _one.zero_();
            sum = sum.Plus(StepLoss.Of(compute(i, _one)));
            Total.add_(_one);
        }
        return sum;
    }

    public void Dispose()
    {
        Total.Dispose();
        _one.Dispose();
    }
}
