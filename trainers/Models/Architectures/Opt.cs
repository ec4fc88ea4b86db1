using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>OPT and Galactica: positions learned from row 2 on; OPT-350m's norms after the sums and narrower embeddings.</summary>
public sealed class OptFamily : IModelFamily
{
    private const int PositionOffset = 2;
    private const double Epsilon = 1e-5;

    public IReadOnlyList<string> ModelTypes { get; } = ["opt"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"),
            HeadShape.Read(config, hidden, "num_attention_heads"), DecoderShape.ContextOf(config, "max_position_embeddings", 2048));
        var narrow = config.Int("word_embed_proj_dim", hidden, 1, int.MaxValue);
        var before = config.Flag("do_layer_norm_before", true);
        var affine = config.Flag("layer_norm_elementwise_affine", true);
        var p = new ParameterList();
        var embed = Embedding(p, shape, narrow);
        var layers = Decoder.Repeat(shape, i => Layer(config, p, i, shape, before, affine));
        var norm = before && !config.Flag("_remove_final_layer_norm", false) ? Layered(p, "model.decoder.final_layer_norm", hidden, affine) : null;
        if (narrow != hidden)
            p.Linear("model.decoder.project_out", hidden, narrow, bias: false);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "model.decoder.embed_tokens.weight", "lm_head", narrow, shape.Vocab);
        return Decoder.Create(config, shape, p, null, ("model.", embed, layers, (pass, x) =>
        {
            x = norm is null ? x : norm.Run(pass, x);
            return narrow == hidden ? x : pass.Linear("model.decoder.project_out", x);
        }), head);
    }

    private static Piece Embedding(ParameterList p, DecoderShape shape, int narrow)
    {
        p.Embedding("model.decoder.embed_tokens.weight", shape.Vocab, narrow);
        p.Embedding("model.decoder.embed_positions.weight", shape.Context + PositionOffset, shape.Hidden);
        if (narrow != shape.Hidden)
            p.Linear("model.decoder.project_in", narrow, shape.Hidden, bias: false);
        return (pass, tokens) =>
        {
            var x = pass.Embed("model.decoder.embed_tokens.weight", tokens);
            if (narrow != shape.Hidden)
                x = pass.Linear("model.decoder.project_in", x);
            return x + pass.Embed("model.decoder.embed_positions.weight", pass.Positions + PositionOffset);
        };
    }

    private static Piece Layer(ModelConfig config, ParameterList p, int index, DecoderShape shape, bool before, bool affine)
    {
        var (at, heads, hidden) = ($"model.decoder.layers.{index}", shape.Heads, shape.Hidden);
        var bias = config.Flag("enable_bias", true);
        var first = Layered(p, $"{at}.self_attn_layer_norm", hidden, affine);
        var project = QueryKeyValue.Apart(p, $"{at}.self_attn", hidden, heads, bias);
        var attention = SelfAttention.Of(p, index, project, $"{at}.self_attn.out_proj", shape, new(heads.Scale), null, bias);
        var second = Layered(p, $"{at}.final_layer_norm", hidden, affine);
        var feed = Mlp.Plain(p, $"{at}.fc1", $"{at}.fc2", hidden, config.Int("ffn_dim"), bias, Activation.Read(config, "activation_function", "relu"));
        return before ? Residual.Sequential(first, attention.Run, second, feed) : Residual.NormAfterSum(attention.Run, first, feed, second);
    }

    private static Norm Layered(ParameterList p, string module, int size, bool affine) =>
        affine ? Norm.Layer(p, module, size, Epsilon) : Norm.Plain(p, size, Epsilon);
}
