using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Qwen3: norms of each query and key head, head size apart from the hidden size.</summary>
public sealed class Qwen3Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen3"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads", Math.Min(32, config.Int("num_attention_heads")), defaultDim: 128);
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 32768, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim);
        var epsilon = config.Number("rms_norm_eps", 1e-6);
        var bias = config.Flag("attention_bias", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        int? window = config.Flag("use_sliding_window", false) ? config.Int("sliding_window", 4096, 1, int.MaxValue) : null;
        var from = config.Int("max_window_layers", 28, 0, int.MaxValue);
        var local = config.LayerKinds("sliding_attention", shape.Layers, i => i >= from);
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var first = Norm.Rms(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale, local[i] ? window : null), rotary, bias, norms: self =>
                (Norm.Rms(p, $"{self}.q_norm", heads.Dim, epsilon), Norm.Rms(p, $"{self}.k_norm", heads.Dim, epsilon)));
            var second = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second, Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation));
        });
        var norm = Norm.Rms(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);
    }
}
