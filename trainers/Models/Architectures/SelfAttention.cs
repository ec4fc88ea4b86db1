using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>The attention that most families since Llama name alike: <c>model.layers.N.self_attn</c> with q, k, v and o projections.</summary>
internal static class SelfAttention
{
    /// <param name="norms">Declared after the projections; null: none.</param>
    internal static Attention Declare(
        ParameterList p, int layer, DecoderShape shape, AttentionSpec spec, RotarySpec rotary, bool bias = false, bool? outputBias = null,
        string output = "o_proj", Func<string, (Norm Query, Norm Key)>? norms = null, Func<Projection, Projection>? change = null)
    {
        var at = $"model.layers.{layer}.self_attn";
        var project = QueryKeyValue.Apart(p, at, shape.Hidden, shape.Heads, bias);
        var attention = Of(p, layer, change is null ? project : change(project), $"{at}.{output}", shape, spec, rotary, outputBias ?? bias);
        return norms?.Invoke(at) is { } heads ? attention with { QueryNorm = heads.Query, KeyNorm = heads.Key } : attention;
    }

    /// <summary>Attention after any projection: declares the layer that follows it.</summary>
    internal static Attention Of(
        ParameterList p, int layer, Projection project, string output, DecoderShape shape, AttentionSpec spec, RotarySpec? rotary, bool bias)
    {
        var after = p.Linear(output, shape.Heads.QueryWidth, shape.Hidden, bias);
        // The cap's tanh keeps its result.
        if (spec.SoftCap is not null) p.Keeps(new KeptElements(Scores: 1));
        return new Attention { Layer = layer, Project = project, Output = (pass, x) => pass.Linear(after, x), Spec = spec, Rotary = rotary };
    }
}
