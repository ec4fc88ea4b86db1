using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>An activation function, elementwise and shape-preserving.</summary>
/// <param name="Of">The function.</param>
/// <param name="Inner">Tensors of its argument's size that it keeps for the backward, its result not counted.</param>
internal sealed record Activation(Func<Tensor, Tensor> Of, int Inner)
{
    /// <summary>The approximation of GELU by a tanh (Hendrycks and Gimpel 2016).</summary>
    internal static readonly Activation GeluTanh = new(
        x => x * 0.5 * (((x + x.square() * x * 0.044715) * Math.Sqrt(2 / Math.PI)).tanh() + 1), Inner: 5);

    internal static readonly Activation Gelu = new(x => x.gelu(), Inner: 1);

    private static readonly Activation Silu = new(x => x.silu(), Inner: 1);

    /// <summary>Those that configs name.</summary>
    private static readonly Dictionary<string, Activation> ByName = new(StringComparer.Ordinal)
    {
        ["gelu"] = Gelu,
        ["gelu_python"] = Gelu,
        ["gelu_new"] = GeluTanh,
        ["gelu_fast"] = GeluTanh,
        ["gelu_pytorch_tanh"] = GeluTanh,
        ["gelu_accurate"] = GeluTanh,
        ["gelu_10"] = new(x => x.gelu().clamp(-10, 10), Inner: 2),
        ["leaky_relu"] = new(x => x.relu() - (x * -1).relu() * 0.01, Inner: 2),
        ["linear"] = new(x => x, Inner: 0),
        ["mish"] = new(x => x * SoftPlus(x).tanh(), Inner: 6),
        ["quick_gelu"] = new(x => x * (x * 1.702).sigmoid(), Inner: 2),
        ["relu"] = new(x => x.relu(), Inner: 0),
        ["relu6"] = new(x => x.clamp(0, 6), Inner: 1),
        ["relu2"] = new(x => x.relu().square(), Inner: 1),
        ["sigmoid"] = new(x => x.sigmoid(), Inner: 0),
        ["silu"] = Silu,
        ["swish"] = Silu,
        ["tanh"] = new(x => x.tanh(), Inner: 0),
    };

    /// <summary>Reads a field that names one; a name that this build lacks is refused with the list.</summary>
    internal static Activation Read(ModelConfig config, string field, string fallback)
    {
        var name = config.TextOrNull(field) ?? fallback;
        config.Require(ByName.ContainsKey(name), field, string.Join(", ", ByName.Keys));
        return ByName[name];
    }

    /// <summary>Kept where the result multiplies another tensor: both of them, besides its own.</summary>
    internal KeptElements Gate(double size) => new(Narrow: (Inner + 2) * size);

    /// <summary>Kept where the result goes into a linear layer, whose input is counted with it.</summary>
    internal KeptElements Alone(double size) => new(Narrow: Inner * size);

    /// <summary>log(1 + e^x) without overflow.</summary>
    private static Tensor SoftPlus(Tensor x) => x.relu() + ((x.abs() * -1).exp() + 1).log();
}
