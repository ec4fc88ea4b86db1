using FineTuneGrid.Models.Architectures;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>A norm over the last dimension, declared and run: [*, size] -> the same.</summary>
internal sealed class Norm
{
    private readonly Func<ForwardPass, Tensor, Tensor> _run;

    private Norm(Func<ForwardPass, Tensor, Tensor> run) => _run = run;

    internal Tensor Run(ForwardPass pass, Tensor x) => _run(pass, x);

    /// <param name="heads">Of each token so many vectors are normed.</param>
    internal static Norm Rms(ParameterList p, string module, int size, double epsilon, int heads = 1)
    {
        p.Keeps(KeptElements.Norm(size * heads, rms: true));
        var weight = p.Scale($"{module}.weight", size);
        return new((pass, x) => pass.RmsNorm(weight, x, epsilon));
    }

    /// <summary>RMS norm over all heads of a row together: [T, heads, dim], size = heads * dim.</summary>
    internal static Norm RmsOverHeads(ParameterList p, string module, int size, double epsilon)
    {
        p.Keeps(KeptElements.Norm(size, rms: true));
        var weight = p.Scale($"{module}.weight", size);
        return new((pass, x) => pass.RmsNorm(weight, x.reshape(-1, size), epsilon).view(x.shape));
    }

    /// <summary>RMS norm whose factor is 1 + w.</summary>
    /// <param name="heads">Of each token so many vectors are normed.</param>
    internal static Norm OffsetRms(ParameterList p, string module, int size, double epsilon, int heads = 1)
    {
        p.Keeps(KeptElements.Norm(size * heads, rms: true));
        var weight = p.Offset($"{module}.weight", size);
        return new((pass, x) => pass.OffsetRmsNorm(weight, x, epsilon));
    }

    /// <param name="heads">Of each token so many vectors are normed.</param>
    internal static Norm Layer(ParameterList p, string module, int size, double epsilon, bool bias = true, int heads = 1)
    {
        p.Keeps(KeptElements.Norm(size * heads, rms: false));
        p.Scale($"{module}.weight", size);
        if (bias)
            p.Offset($"{module}.bias", size);
        return new((pass, x) => pass.LayerNorm(module, x, epsilon));
    }

    /// <summary>Layer norm without parameters.</summary>
    internal static Norm Plain(ParameterList p, int size, double epsilon)
    {
        p.Keeps(KeptElements.Norm(size, rms: false));
        return new((pass, x) => pass.LayerNorm(null, x, epsilon));
    }

    /// <summary>Layer norm of each head with factors of its own, stored as one tensor: [T, heads, dim].</summary>
    internal static Norm LayerByHead(ParameterList p, string module, int heads, int dim, double epsilon)
    {
        p.Keeps(KeptElements.Norm(heads * dim, rms: true));
        var weight = p.Scale($"{module}.weight", heads, dim);
        return new((pass, x) => pass.LayerNorm(null, x, epsilon) * pass.Parameter(weight).to(pass.Compute));
    }

    /// <summary>The same with one tensor for each head.</summary>
    internal static Norm LayerByHeadApart(ParameterList p, string module, int heads, int dim, double epsilon)
    {
        p.Keeps(KeptElements.Norm(heads * dim, rms: true));
        string[] weights = [.. Enumerable.Range(0, heads).Select(h => p.Scale($"{module}.norms.{h}.weight", dim))];
        return new((pass, x) => pass.LayerNorm(null, x, epsilon) * stack(weights.Select(pass.Parameter)).to(pass.Compute));
    }
}
