using FineTuneGrid.Models.Optim;
using FineTuneGrid.Native;
using FineTuneGrid.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// Fast mode: each worker sums the gradients of its own micro-batches, and one all-reduce a step, in buckets, sums those. A bucket
/// sets out while the last micro-batch's backward is still at the layers below (Li et al. 2020, section 3.2). All workers end with
/// the same bits, but how the additions are grouped, and so the rounding, depends on how many there are.
/// </summary>
/// <param name="leastElements">Of a bucket; the same for all workers.</param>
internal sealed class ReducedSum(Gang gang, FlatParameters trained, long leastElements = Bucket.Least) : IGradientSum
{
    private readonly LocalSum _own = new(gang, trained);
    private readonly IReadOnlyList<Bucket> _buckets = Bucket.Of(trained.Slots, leastElements);

    /// <summary>Of the step's buckets those that have set out, in their order.</summary>
    private readonly List<Collective> _underWay = [];

    public Tensor Total => _own.Total;

    /// <summary>Buckets that have set out in this step; 0 when it is over.</summary>
    public int UnderWay => _underWay.Count;

    public StepLoss Run(int step, int count, MicroBatchGradient compute)
    {
        using var scope = NewDisposeScope();
        var own = _own.Run(count, compute, layer => Begin(b => b.Layer >= layer));
        // A worker without a micro-batch has been told of no layer: its zeros set out in the same order.
        Begin(_ => true);
        var rows = gang.EndStep(step, own.ToNumbers());
        End();
        return rows.Aggregate(StepLoss.Nothing, (sum, row) => sum.Plus(StepLoss.FromNumbers(row)));
    }

    public void Dispose() => _own.Dispose();

    private void Begin(Func<Bucket, bool> finished)
    {
        while (_underWay.Count < _buckets.Count && _buckets[_underWay.Count] is var bucket && finished(bucket))
            _underWay.Add(gang.BeginAllReduce(OnHost(bucket).DetachFromDisposeScope()));
    }

    private void End()
    {
        foreach (var (collective, bucket) in _underWay.Zip(_buckets))
        {
            gang.Wait(collective);
            if (Total.device.type != DeviceType.CPU) Part(bucket).copy_(collective.Output!);
            collective.Dispose();
        }
        _underWay.Clear();
    }

    /// <summary>A view where the gradient is in host memory, else a copy.</summary>
    private Tensor OnHost(Bucket bucket) => Total.device.type == DeviceType.CPU ? Part(bucket) : Part(bucket).cpu();

    private Tensor Part(Bucket bucket) => Total.narrow(0, bucket.Offset, bucket.Count);
}
