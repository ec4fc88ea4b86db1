using FineTuneGrid.Models.Optim;
using FineTuneGrid.Native;
using FineTuneGrid.Trainer.Training;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// Fast mode: each worker sums the gradients of its own micro-batches, and one all-reduce a step, in buckets, sums those. All
/// workers end with the same bits, but how the additions are grouped, and so the rounding, depends on how many there are.
/// </summary>
internal sealed class ReducedSum(Gang gang, FlatParameters trained) : IGradientSum
{
    /// <summary>16 MB: large enough for the link's speed, small enough that several are under way.</summary>
    private const long BucketElements = 4L << 20;

    private readonly LocalSum _own = new(gang, trained);

    public Tensor Total => _own.Total;

    public StepLoss Run(int step, int count, MicroBatchGradient compute)
    {
        using var scope = NewDisposeScope();
        var own = _own.Run(step, count, compute);
        var rows = gang.EndStep(step, [own.Sum, own.Tokens]);
        Reduce();
        return new StepLoss(rows.Sum(r => r[0]), rows.Sum(r => (long)r[1]));
    }

    public void Dispose() => _own.Dispose();

    private void Reduce()
    {
        var onHost = Total.device.type == TorchSharp.DeviceType.CPU;
        var host = onHost ? Total : Total.cpu();
        var buckets = new List<Collective>();
        for (long at = 0; at < host.NumberOfElements; at += BucketElements)
            buckets.Add(gang.BeginAllReduce(host.narrow(0, at, Math.Min(BucketElements, host.NumberOfElements - at))));
        foreach (var bucket in buckets) gang.Wait(bucket);
        if (!onHost) Total.copy_(host);
    }
}
