using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Command R and R+: interleaved rotation, parallel parts, scaled logits; R+ norms each head.</summary>
public sealed class CohereFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["cohere"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 8192, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim) with { Interleaved = true };
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var bias = config.Flag("attention_bias", false);
        var normed = config.Flag("use_qk_norm", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var norm = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon, bias: false);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, norms: normed ? Norms : null);
            return Residual.Parallel(norm, attention.Run, null, Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation));
        });
        var norm = Norm.Layer(p, "model.norm", hidden, epsilon, bias: false);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run),
            head with { Scale = config.Number("logit_scale", 0.0625) });

        (Norm Query, Norm Key) Norms(string at) => (
            Norm.LayerByHead(p, $"{at}.q_norm", heads.Queries, heads.Dim, epsilon), Norm.LayerByHead(p, $"{at}.k_norm", heads.Keys, heads.Dim, epsilon));
    }
}
