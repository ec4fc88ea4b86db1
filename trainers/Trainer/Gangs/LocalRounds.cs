using System.Runtime.InteropServices;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Native;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// Low-bandwidth mode: between two meetings each worker takes optimizer steps of its own, on its own share of each step's data; then
/// the workers exchange, in a byte a number, how far they have moved, and go on from common values. The exchange goes on beside the
/// first quarter of the next round's steps, which are kept (as in Streaming DiLoCo, Douillard et al. 2025), so that a slow link holds
/// nobody up; when it ends is a matter of steps, never of time. Inner moments stay each worker's own: a checkpoint holds all of them.
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

    /// <summary>What a worker carries into the next steps, besides weights and moments. No exchange is under way.</summary>
    public RoundState State => new(_outer.Values.ToArray(), _outer.Velocity.ToArray(), _carried);

    /// <summary>From the present values, which are the same for all. Worker 0's momentum counts.</summary>
    public void Begin(RoundState? first)
    {
        using var scope = NewDisposeScope();
        var momentum = zeros(trained.Count);
        if (gang.IsFirst) first?.Velocity.CopyTo(Floats(momentum));
        gang.Share(momentum);
        Resume(new RoundState(Floats(Host()).ToArray(), Floats(momentum).ToArray(), new float[trained.Count]));
    }

    /// <summary>From where this worker stood.</summary>
    public void Resume(RoundState state)
    {
        _outer = new OuterNesterov(state.Values);
        state.Velocity.CopyTo(_outer.Velocity);
        (_carried, _met) = ([.. state.Carried], new float[trained.Count]);
    }

    /// <summary>After every step; the workers meet where a round is over. When they have agreed to leave no exchange is under way.</summary>
    /// <param name="done">Steps done.</param>
    /// <param name="common">All workers' values must be the same after this step.</param>
    public void EndStep(int done, bool common)
    {
        if (_exchange is not null && (common || done >= _metAt + localSteps / ExchangeShare))
            EndExchange();
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
