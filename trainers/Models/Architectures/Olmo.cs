using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>OLMo 1: norms without parameters, clipped projections.</summary>
public sealed class OlmoFamily : IModelFamily
{
    private const double Epsilon = 1e-5;

    public IReadOnlyList<string> ModelTypes { get; } = ["olmo"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 2048, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim);
        var bias = config.Flag("attention_bias", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var norm = Norm.Plain(Epsilon);
        Func<Projection, Projection>? clip = config.NumberOrNull("clip_qkv") is > 0 and var limit ? x => QueryKeyValue.Clipped(x, limit) : null;
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, change: clip);
            return Residual.Sequential(norm, attention.Run, norm, Mlp.Gated(p, $"model.layers.{i}.mlp", hidden, middle, bias: false, activation));
        });
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);
    }
}

/// <summary>OLMo 2: each part's output is normed, and so are all queries and all keys of a token together.</summary>
public sealed class Olmo2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["olmo2"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 2048, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim);
        var epsilon = config.Number("rms_norm_eps", 1e-5);
        var bias = config.Flag("attention_bias", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, norms: self => (
                Norm.RmsOverHeads(p, $"{self}.q_norm", heads.QueryWidth, epsilon), Norm.RmsOverHeads(p, $"{self}.k_norm", heads.KeyWidth, epsilon)));
            var first = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation);
            return Residual.NormedParts(attention.Run, first, feed, Norm.Rms(p, $"{at}.post_feedforward_layernorm", hidden, epsilon));
        });
        var norm = Norm.Rms(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);
    }
}
