using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Falcon 7B (one key head, parallel parts), 40B, 180B and 11B (the new decoder) and RW (ALiBi, sequential parts).</summary>
public sealed class FalconFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["falcon"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.IntOf("hidden_size", "n_embed");
        var newer = config.Flag("new_decoder_architecture", false);
        var heads = Heads(config, hidden, newer);
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"), heads,
            DecoderShape.ContextOf(config, "max_position_embeddings", 2048));
        var parallel = config.Flag("parallel_attn", true);
        var twoNorms = parallel && (config.IntOrNull("num_ln_in_parallel_attn") ?? (newer ? 2 : 1)) == 2;
        config.Require(newer || !twoNorms, "num_ln_in_parallel_attn", "two norms in the new decoder only");
        config.Require(parallel || !newer, "parallel_attn", "the new decoder with parallel attention (true)");
        var alibi = config.Flag("alibi", false);
        var rotary = alibi ? null : shape.Rotary(config);
        // Falcon scales the sum of score and bias.
        var spec = new AttentionSpec(heads.Scale, Alibi: alibi ? Alibi.Standard(heads.Queries, rounded: true, heads.Scale) : null);
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var bias = config.Flag("bias", false);
        var middle = config.Int("ffn_hidden_size", 4 * hidden, 1, int.MaxValue);
        var activation = Activation.Read(config, "activation", "gelu");
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "transformer.word_embeddings.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.h.{i}";
            var first = Norm.Layer(p, $"{at}.{(twoNorms ? "ln_attn" : "input_layernorm")}", hidden, epsilon);
            var project = QueryKeyValue.ByKeyHead(p, $"{at}.self_attention.query_key_value", hidden, heads, bias);
            var attention = SelfAttention.Of(p, i, project, $"{at}.self_attention.dense", shape, spec, rotary, bias);
            var second = twoNorms ? Norm.Layer(p, $"{at}.ln_mlp", hidden, epsilon)
                : parallel ? null : Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Plain(p, $"{at}.mlp.dense_h_to_4h", $"{at}.mlp.dense_4h_to_h", hidden, middle, bias, activation);
            return parallel ? Residual.Parallel(first, attention.Run, second, feed) : Residual.Sequential(first, attention.Run, second!, feed);
        });
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "transformer.word_embeddings.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary,
            ("transformer.", embed, layers, norm.Run), head);
    }

    /// <summary>The number of key heads that the config names counts in the new decoder only.</summary>
    private static HeadShape Heads(ModelConfig config, int hidden, bool newer)
    {
        if (newer)
            return HeadShape.Read(config, hidden, "num_attention_heads", "num_kv_heads");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads");
        if (config.Flag("multi_query", true))
            return heads with { Keys = 1 };
        config.Require(config.Int("num_kv_heads", heads.Queries, 1, int.MaxValue) == heads.Queries, "num_kv_heads", "as many as num_attention_heads where multi_query is false");
        return heads;
    }
}
