using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>StableLM 3B, 2 and 2 12B: partly rotated heads; the 12B norms each head and runs its parts in parallel.</summary>
public sealed class StableLmFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["stablelm"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads", Math.Min(32, config.Int("num_attention_heads")));
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 4096, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, config.RotaryDim(heads.Dim, 0.25));
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var (bias, normed, parallel) = (config.Flag("use_qkv_bias", false), config.Flag("qk_layernorm", false), config.Flag("use_parallel_residual", false));
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, outputBias: false, norms: normed ? Norms : null);
            var second = parallel ? null : Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation);
            return second is null ? Residual.Parallel(first, attention.Run, null, feed) : Residual.Sequential(first, attention.Run, second, feed);
        });
        var norm = Norm.Layer(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);

        (Norm Query, Norm Key) Norms(string at) => (
            Norm.LayerByHeadApart(p, $"{at}.q_layernorm", heads.Queries, heads.Dim, epsilon),
            Norm.LayerByHeadApart(p, $"{at}.k_layernorm", heads.Keys, heads.Dim, epsilon));
    }
}
