using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>StableLM 3B, 2 and 2 12B: partly rotated heads; the 12B norms each head and runs its parts in parallel.</summary>
public sealed class StableLmFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["stablelm"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 4096, keys: 32);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var rotary = shape.Rotary(config, partial: 0.25);
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var (bias, normed, parallel) = (config.Flag("use_qkv_bias", false), config.Flag("qk_layernorm", false), config.Flag("use_parallel_residual", false));
        var p = new ParameterList();
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, outputBias: false, norms: normed ? Norms : null);
            var second = parallel ? null : Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation);
            return second is null ? Residual.Parallel(first, attention.Run, null, feed) : Residual.Sequential(first, attention.Run, second, feed);
        }, name => Norm.Layer(p, name, hidden, epsilon), new(Tied: false));

        (Norm Query, Norm Key) Norms(string at) => (
            Norm.LayerByHeadApart(p, $"{at}.q_layernorm", heads.Queries, heads.Dim, epsilon),
            Norm.LayerByHeadApart(p, $"{at}.k_layernorm", heads.Keys, heads.Dim, epsilon));
    }
}
