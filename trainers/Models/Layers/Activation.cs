using FineTuneGrid.Models.Config;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>The activation functions that configs name, elementwise and shape-preserving.</summary>
internal static class Activation
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> ByName = new(StringComparer.Ordinal)
    {
        ["gelu"] = x => x.gelu(),
        ["gelu_python"] = x => x.gelu(),
        ["gelu_new"] = GeluTanh,
        ["gelu_fast"] = GeluTanh,
        ["gelu_pytorch_tanh"] = GeluTanh,
        ["gelu_accurate"] = GeluTanh,
        ["gelu_10"] = x => x.gelu().clamp(-10, 10),
        ["leaky_relu"] = x => x.relu() - (x * -1).relu() * 0.01,
        ["linear"] = x => x,
        ["mish"] = x => x * SoftPlus(x).tanh(),
        ["quick_gelu"] = x => x * (x * 1.702).sigmoid(),
        ["relu"] = x => x.relu(),
        ["relu6"] = x => x.clamp(0, 6),
        ["relu2"] = x => x.relu().square(),
        ["sigmoid"] = x => x.sigmoid(),
        ["silu"] = x => x.silu(),
        ["swish"] = x => x.silu(),
        ["tanh"] = x => x.tanh(),
    };

    /// <summary>Reads a field that names one; a name that this build lacks is refused with the list.</summary>
    internal static Func<Tensor, Tensor> Read(ModelConfig config, string field, string fallback)
    {
        var name = config.TextOrNull(field) ?? fallback;
        config.Require(ByName.ContainsKey(name), field, string.Join(", ", ByName.Keys));
        return ByName[name];
    }

    /// <summary>The approximation of GELU by a tanh (Hendrycks and Gimpel 2016).</summary>
    internal static Tensor GeluTanh(Tensor x) => x * 0.5 * (((x + x.square() * x * 0.044715) * Math.Sqrt(2 / Math.PI)).tanh() + 1);

    /// <summary>log(1 + e^x) without overflow.</summary>
    private static Tensor SoftPlus(Tensor x) => x.relu() + ((x.abs() * -1).exp() + 1).log();
}
