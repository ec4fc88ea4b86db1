using FineTuneGrid.Models.Architectures;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>Feed-forward parts.</summary>
internal static class Mlp
{
    /// <summary>down(act(gate(x)) * up(x)) (Shazeer 2020).</summary>
    internal static Piece Gated(ParameterList p, string prefix, int hidden, int middle, bool bias, Activation activation,
        string gate = "gate_proj", string up = "up_proj", string down = "down_proj", double share = 1)
    {
        p.Keeps(activation.Gate(middle * share));
        var g = p.Linear($"{prefix}.{gate}", hidden, middle, bias, share);
        var u = p.Linear($"{prefix}.{up}", hidden, middle, bias, share, sharesInput: true);
        var d = p.Linear($"{prefix}.{down}", middle, hidden, bias, share);
        return (pass, x) => pass.Linear(d, activation.Of(pass.Linear(g, x)) * pass.Linear(u, x));
    }

    /// <summary>The same with gate and up in one layer, the gate first.</summary>
    internal static Piece GatedJoined(ParameterList p, string prefix, int hidden, int middle, Activation activation)
    {
        p.Keeps(activation.Gate(middle));
        var both = p.Linear($"{prefix}.gate_up_proj", hidden, 2 * middle, bias: false);
        var down = p.Linear($"{prefix}.down_proj", middle, hidden, bias: false);
        return (pass, x) =>
        {
            var y = pass.Linear(both, x);
            return pass.Linear(down, activation.Of(y.narrow(-1, 0, middle)) * y.narrow(-1, middle, middle));
        };
    }

    /// <summary>down(act(up(x))).</summary>
    internal static Piece Plain(ParameterList p, string up, string down, int hidden, int middle, bool bias, Activation activation)
    {
        p.Keeps(activation.Alone(middle));
        p.Linear(up, hidden, middle, bias);
        p.Linear(down, middle, hidden, bias);
        return (pass, x) => pass.Linear(down, activation.Of(pass.Linear(up, x)));
    }

    /// <summary>The same with weights stored [in, out].</summary>
    internal static Piece Conv1D(ParameterList p, string up, string down, int hidden, int middle, Activation activation)
    {
        p.Keeps(activation.Alone(middle));
        p.Conv1D(up, hidden, middle, bias: true);
        p.Conv1D(down, middle, hidden, bias: true);
        return (pass, x) => pass.Conv1D(down, activation.Of(pass.Conv1D(up, x)));
    }
}
