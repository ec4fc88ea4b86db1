using FineTuneGrid.Models;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Trainer.Training;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// The sum over a step's micro-batches, computed by several workers with the bits of one: worker r takes micro-batches r, r + size ...
/// In each round every worker sends each other one its slice of the round's gradient; the slice's owner adds what came in canonical
/// order, in fp32. At the end the slices are gathered. So a worker holds two gradients, its slice and the sum, however many there
/// are, and sends in a round what a ring all-reduce's first half would.
/// </summary>
internal sealed class GangSum : IGradientSum
{
    private readonly Gang _gang;
    private readonly long _slice;
    private readonly Device _device;
    private readonly Tensor _paddedOne;
    private readonly Tensor _one;
    private readonly Tensor _received;
    private readonly Tensor _mine;
    private readonly Tensor _paddedSum;
    private readonly Tensor _sum;
    private readonly bool _onHost;

    public GangSum(Gang gang, FlatParameters trained)
    {
        using var scope = NewDisposeScope();
        _gang = gang;
        _device = trained.Flat.device;
        _onHost = _device.type == TorchSharp.DeviceType.CPU;
        _slice = (trained.Count + gang.Size - 1) / gang.Size;
        var padded = _slice * gang.Size;
        _paddedOne = zeros(padded, ScalarType.Float32, _device).DetachFromDisposeScope();
        _one = _paddedOne.narrow(0, 0, trained.Count).DetachFromDisposeScope();
        _received = zeros(padded, ScalarType.Float32).DetachFromDisposeScope();
        _mine = zeros(_slice, ScalarType.Float32).DetachFromDisposeScope();
        _paddedSum = zeros(padded, ScalarType.Float32).DetachFromDisposeScope();
        _sum = _onHost ? _paddedSum.narrow(0, 0, trained.Count).DetachFromDisposeScope() : trained.NewBuffer().DetachFromDisposeScope();
    }

    public Tensor Total => _sum;

    public StepLoss Run(int step, int count, MicroBatchGradient compute)
    {
        using var scope = NewDisposeScope();
        var rounds = (count + _gang.Size - 1) / _gang.Size;
        var losses = new double[StepLoss.Width * rounds];
        _mine.zero_();
        for (var round = 0; round < rounds; round++)
        {
            var (first, index) = (round * _gang.Size, round * _gang.Size + _gang.Rank);
            if (index < count)
            {
                _one.zero_();
                StepLoss.Of(compute(index, _one)).ToNumbers().CopyTo(losses, StepLoss.Width * round);
            }
            Exchange(Math.Min(_gang.Size, count - first));
        }
        var rows = _gang.EndStep(step, losses);
        _gang.AllGather(_paddedSum, _mine);
        if (!_onHost) _sum.copy_(_paddedSum.narrow(0, 0, _sum.NumberOfElements));
        return InOrder(rows, count);
    }

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[_sum, _paddedSum, _mine, _received, _one, _paddedOne]) tensor.Dispose();
    }

    /// <param name="active">Workers that had a micro-batch in this round: the first ones.</param>
    private void Exchange(int active)
    {
        using var scope = NewDisposeScope();
        var (outputs, inputs) = (new long[_gang.Size], new long[_gang.Size]);
        if (_gang.Rank < active) Array.Fill(inputs, _slice);
        Array.Fill(outputs, _slice, 0, active);
        var sent = _onHost ? _paddedOne : _paddedOne.cpu();
        _gang.AllToAll(_received.narrow(0, 0, active * _slice), outputs, _gang.Rank < active ? sent : sent.narrow(0, 0, 0), inputs);
        for (var worker = 0; worker < active; worker++) _mine.add_(_received.narrow(0, worker * _slice, _slice));
    }

    /// <summary>The losses are added in canonical order too.</summary>
    private static StepLoss InOrder(double[][] rows, int count)
    {
        var sum = StepLoss.Nothing;
        for (var i = 0; i < count; i++)
            sum = sum.Plus(StepLoss.FromNumbers(rows[i % rows.Length].AsSpan(StepLoss.Width * (i / rows.Length), StepLoss.Width)));
        return sum;
    }
}
