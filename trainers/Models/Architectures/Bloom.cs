using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>BLOOM and BLOOMZ: ALiBi, a norm after the embedding, projections stored head by head.</summary>
public sealed class BloomFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["bloom"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(!config.Flag("slow_but_exact", false) || config.Int("pretraining_tp", 1, 1, int.MaxValue) == 1, "slow_but_exact",
            "whole products (false), since split ones leave out biases");
        var hidden = config.IntOf("hidden_size", "n_embed");
        var heads = HeadShape.Read(config, hidden, config.First("n_head", "num_attention_heads"));
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.IntOf("n_layer", "num_hidden_layers"), heads,
            DecoderShape.ContextOf(config, "seq_length", 2048));
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var normed = config.Flag("apply_residual_connection_post_layernorm", false);
        var spec = new AttentionSpec(heads.Scale, Alibi: Alibi.Standard(heads.Queries));
        var p = new ParameterList();
        var tokens = Decoder.Tokens(p, "transformer.word_embeddings.weight", shape);
        var after = Norm.Layer(p, "transformer.word_embeddings_layernorm", hidden, epsilon);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.h.{i}";
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var project = QueryKeyValue.ByKeyHead(p, $"{at}.self_attention.query_key_value", hidden, heads, bias: true);
            var attention = SelfAttention.Of(p, i, project, $"{at}.self_attention.dense", shape, spec, null, bias: true);
            var second = Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Plain(p, $"{at}.mlp.dense_h_to_4h", $"{at}.mlp.dense_4h_to_h", hidden, 4 * hidden, bias: true, Activation.GeluTanh);
            return normed ? NormedStream(first, attention.Run, second, feed) : Residual.Sequential(first, attention.Run, second, feed);
        });
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "transformer.word_embeddings.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, null, ("transformer.", (pass, ids) => after.Run(pass, tokens(pass, ids)), layers, norm.Run), head);
    }

    /// <summary>The residual stream carries what the norms give.</summary>
    private static Piece NormedStream(Norm first, Piece attend, Norm second, Piece feed) => (pass, x) =>
    {
        x = first.Run(pass, x);
        x = second.Run(pass, x + attend(pass, x));
        return x + feed(pass, x);
    };
}
