using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Command R and R+: interleaved rotation, parallel parts, scaled logits; R+ norms each head.</summary>
public sealed class CohereFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["cohere"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 8192);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var rotary = shape.Rotary(config) with { Interleaved = true };
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var bias = config.Flag("attention_bias", false);
        var normed = config.Flag("use_qk_norm", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var norm = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon, bias: false);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, norms: normed ? Norms : null);
            return Residual.Parallel(norm, attention.Run, null, Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation));
        }, name => Norm.Layer(p, name, hidden, epsilon, bias: false), new(Tied: true) { LogitScale = config.Number("logit_scale", 0.0625) });

        (Norm Query, Norm Key) Norms(string at) => (
            Norm.LayerByHead(p, $"{at}.q_norm", heads.Queries, heads.Dim, epsilon), Norm.LayerByHead(p, $"{at}.k_norm", heads.Keys, heads.Dim, epsilon));
    }
}
