using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// Low-bandwidth mode: between two meetings each worker takes optimizer steps of its own, on its own share of each step's data; then
/// the workers exchange, in a byte a number, how far they have moved, and go on from common values. Inner moments stay each worker's
/// own; a checkpoint holds worker 0's, and a resumed gang starts from those: it goes on, but not with the bits that it would have had.
/// </summary>
internal sealed class LocalRounds(Gang gang, FlatParameters trained, int localSteps)
{
    private OuterNesterov _outer = new([]);
    private float[] _carried = [];

    /// <summary>Momentum of the outer optimizer, for the checkpoint; null before the first round.</summary>
    public float[] Velocity => _outer.Velocity.ToArray();

    /// <summary>From the present values, which are the same for all. Worker 0's momentum counts.</summary>
    public void Begin(ReadOnlySpan<float> velocity)
    {
        using var scope = NewDisposeScope();
        var values = Host();
        _outer = new OuterNesterov(Floats(values));
        _carried = new float[trained.Count];
        var momentum = zeros(trained.Count);
        if (gang.IsFirst && !velocity.IsEmpty) velocity.CopyTo(Floats(momentum));
        gang.Share(momentum);
        Floats(momentum).CopyTo(_outer.Velocity);
    }

    /// <summary>After every step; the workers meet where a round is over.</summary>
    /// <param name="done">Steps done.</param>
    public void EndStep(int done, bool last)
    {
        if (done % localSteps != 0 && !last) return;
        gang.EndStep(done, []);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var values = Host();
        var mine = Floats(values);
        for (var i = 0; i < mine.Length; i++) _carried[i] += _outer.Values[i] - mine[i];
        var code = new byte[Int8Blocks.Size(mine.Length)];
        Int8Blocks.Encode(_carried, code);
        _outer.Step(Mean(gang.AllGather(code), mine.Length));
        _outer.Values.CopyTo(mine);
        trained.Flat.copy_(values);
    }

    private float[] Mean(byte[] codes, int count)
    {
        var (mean, size) = (new float[count], Int8Blocks.Size(count));
        for (var worker = 0; worker < gang.Size; worker++) Int8Blocks.AddDecoded(codes.AsSpan(worker * size, size), 1f / gang.Size, mean);
        return mean;
    }

    /// <summary>A copy of the trained values in host memory.</summary>
    private Tensor Host() => trained.Flat.cpu().clone();

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
