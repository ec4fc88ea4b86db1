using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>MPT: ALiBi, one projection for queries, keys and values, no bias anywhere.</summary>
public sealed class MptFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["mpt"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(config.Flag("no_bias", true), "no_bias", "layers without bias (true)");
        var hidden = config.IntOf("d_model", "hidden_size");
        var heads = HeadShape.Read(config, hidden, config.First("n_heads", "num_attention_heads"));
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.IntOf("n_layers", "num_hidden_layers"), heads,
            DecoderShape.ContextOf(config, "max_seq_len", 2048));
        var attn = config.Object("attn_config");
        attn?.Require((attn.TextOrNull("attn_type") ?? "multihead_attention") == "multihead_attention", "attn_type", "multihead_attention");
        attn?.Require(!attn.Flag("qk_ln", false), "qk_ln", "queries and keys without norms (false)");
        var clip = attn?.NumberOrNull("clip_qkv");
        var spec = new AttentionSpec(attn?.NumberOrNull("softmax_scale") ?? heads.Scale, Alibi: Alibi.Mpt(heads.Queries));
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        config.Require(config.Int("expansion_ratio", 4, 1, int.MaxValue) == 4, "expansion_ratio", "4, the only one that this family's published layers have");
        config.Require(!config.Has("logit_scale"), "logit_scale", "logits that are not scaled (null)");
        var middle = 4 * hidden;
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "transformer.wte.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.blocks.{i}";
            var first = Norm.Layer(p, $"{at}.norm_1", hidden, epsilon, bias: false);
            var project = QueryKeyValue.Joined(p, $"{at}.attn.Wqkv", hidden, heads, bias: false);
            project = clip is { } limit and not 0 ? QueryKeyValue.Clipped(p, shape.Heads, project, limit) : project;
            var attention = SelfAttention.Of(p, i, project, $"{at}.attn.out_proj", shape, spec, null, bias: false);
            var second = Norm.Layer(p, $"{at}.norm_2", hidden, epsilon, bias: false);
            return Residual.Sequential(first, attention.Run, second,
                Mlp.Plain(p, $"{at}.ffn.up_proj", $"{at}.ffn.down_proj", hidden, middle, bias: false, Activation.Gelu));
        });
        var norm = Norm.Layer(p, "transformer.norm_f", hidden, epsilon, bias: false);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "transformer.wte.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, null, ("transformer.", embed, layers, norm.Run), head);
    }
}
