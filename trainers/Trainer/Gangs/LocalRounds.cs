using System.Runtime.InteropServices;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Native;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// Low-bandwidth mode: between two meetings each worker takes optimizer steps of its own, on its own share of each step's data; then
/// the workers exchange, in a byte a number, how far they have moved, and go on from common values. The exchange goes on beside the
/// first quarter of the next round's steps, which are kept (as in Streaming DiLoCo, Douillard et al. 2025), so that a slow link holds
/// nobody up; when it ends is a matter of steps, never of time. Inner moments stay each worker's own; a checkpoint holds worker 0's,
/// and a resumed gang starts from those: it goes on, but not with the bits that it would have had.
/// </summary>
internal sealed class LocalRounds(Gang gang, FlatParameters trained, int localSteps)
{
    /// <summary>Part of a round that may pass until an exchange has ended.</summary>
    private const int ExchangeShare = 4;

    private OuterNesterov _outer = new([]);
    private float[] _carried = [];
    private float[] _met = [];
    private Collective? _exchange;
    private int _metAt;

    /// <summary>Momentum of the outer optimizer, for the checkpoint; null before the first round.</summary>
    public float[] Velocity => _outer.Velocity.ToArray();

    /// <summary>From the present values, which are the same for all. Worker 0's momentum counts.</summary>
    public void Begin(ReadOnlySpan<float> velocity)
    {
        using var scope = NewDisposeScope();
        var values = Host();
        _outer = new OuterNesterov(Floats(values));
        (_carried, _met) = (new float[trained.Count], new float[trained.Count]);
        var momentum = zeros(trained.Count);
        if (gang.IsFirst && !velocity.IsEmpty) velocity.CopyTo(Floats(momentum));
        gang.Share(momentum);
        Floats(momentum).CopyTo(_outer.Velocity);
    }

    /// <summary>After every step; the workers meet where a round is over, and where they agreed to leave.</summary>
    /// <param name="done">Steps done.</param>
    /// <param name="common">All workers' values must be the same after this step.</param>
    public void EndStep(int done, bool common)
    {
        if (_exchange is not null && (common || done >= _metAt + localSteps / ExchangeShare))
        {
            EndExchange();
            common |= gang.Agreed is not null;
        }
        if (done % localSteps != 0 && !common) return;
        BeginExchange(done);
        if (common || localSteps < ExchangeShare) EndExchange();
    }

    private void BeginExchange(int done)
    {
        using var scope = NewDisposeScope();
        Floats(Host()).CopyTo(_met);
        for (var i = 0; i < _met.Length; i++) _carried[i] += _outer.Values[i] - _met[i];
        var code = new byte[Int8Blocks.Size(_met.Length)];
        Int8Blocks.Encode(_carried, code);
        (_exchange, _metAt) = (gang.BeginMeeting(done, code), done);
    }

    /// <summary>The common values take the place of those that the worker had when the exchange began; its steps since then are kept.</summary>
    private void EndExchange()
    {
        var codes = gang.EndMeeting(_metAt, _exchange!);
        _exchange = null;
        var mean = new float[_met.Length];
        foreach (var code in codes) Int8Blocks.AddDecoded(code.Span, 1f / gang.Size, mean);
        _outer.Step(mean);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var values = Host();
        var mine = Floats(values);
        for (var i = 0; i < mine.Length; i++) mine[i] = _outer.Values[i] + (mine[i] - _met[i]);
        trained.Flat.copy_(values);
    }

    /// <summary>A copy of the trained values in host memory.</summary>
    private Tensor Host() => trained.Flat.cpu().clone();

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
