using FineTuneGrid.Models.Config;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>A part of a layer: [T, in] -> [T, out].</summary>
internal delegate Tensor Piece(ForwardPass pass, Tensor x);

/// <summary>Self-attention: projections, norms of the heads, rotation, attention, output.</summary>
internal sealed record Attention
{
    /// <summary>Index of the layer, for caches.</summary>
    internal required int Layer { get; init; }

    internal required Projection Project { get; init; }

    internal required Piece Output { get; init; }

    internal required AttentionSpec Spec { get; init; }

    internal RotarySpec? Rotary { get; init; }

    /// <summary>On [T, heads, dim], before the rotation.</summary>
    internal Norm? QueryNorm { get; init; }

    internal Norm? KeyNorm { get; init; }

    internal Tensor Run(ForwardPass pass, Tensor x)
    {
        var (query, key, value) = Project(pass, x);
        return Output(pass, pass.Attend(Layer, Place(pass, query, QueryNorm), Place(pass, key, KeyNorm), value, Spec));
    }

    private Tensor Place(ForwardPass pass, Tensor heads, Norm? norm)
    {
        if (norm is not null)
            heads = norm.Run(pass, heads);
        return Rotary is null ? heads : pass.Rotate(heads, Rotary);
    }
}
