using FineTuneGrid.Models.Optim;
using FineTuneGrid.Trainer.Training;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>A worker's own share of a step's micro-batches, which it does not exchange: loss and gradient are of that share.</summary>
internal sealed class LocalSum(Gang gang, FlatParameters trained) : IGradientSum
{
    public Tensor Total { get; } = trained.NewBuffer().DetachFromDisposeScope();

    public StepLoss Run(int step, int count, MicroBatchGradient compute) => Run(count, compute, null);

    /// <param name="layerDone">Told of the layers whose part of <see cref="Total"/> is finished: those of the share's last micro-batch.</param>
    public StepLoss Run(int count, MicroBatchGradient compute, Action<int>? layerDone)
    {
        using var scope = NewDisposeScope();
        Total.zero_();
        var sum = StepLoss.Nothing;
        for (var i = gang.Rank; i < count; i += gang.Size)
            sum = sum.Plus(StepLoss.Of(compute(i, Total, i + gang.Size < count ? null : layerDone)));
        return sum;
    }

    public void Dispose() => Total.Dispose();
}
