using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>StarCoder and Granite code: GPT-2's layout with one key and value head for all queries.</summary>
public sealed class GptBigCodeFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt_bigcode"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(!config.Flag("add_cross_attention", false), "add_cross_attention", "decoders without cross-attention (false)");
        var single = config.Flag("multi_query", true);
        var shape = DecoderShape.ReadGpt(config, context: 1024);
        shape = single ? shape with { Heads = shape.Heads with { Keys = 1 } } : shape;
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var middle = config.Int("n_inner", 4 * hidden, 1, int.MaxValue);
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var activation = Activation.Read(config, "activation_function", "gelu_pytorch_tanh");
        var scale = config.Flag("scale_attn_weights", true) ? heads.Scale : 1;
        var p = new ParameterList();
        var embed = Decoder.TokensAndPositions(p, "transformer.wte.weight", "transformer.wpe.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.h.{i}";
            var first = Norm.Layer(p, $"{at}.ln_1", hidden, epsilon);
            var project = single
                ? QueryKeyValue.Joined(p, $"{at}.attn.c_attn", hidden, heads, bias: true)
                : QueryKeyValue.ByKeyHead(p, $"{at}.attn.c_attn", hidden, heads, bias: true);
            var attention = SelfAttention.Of(p, i, project, $"{at}.attn.c_proj", shape, new(scale), null, bias: true);
            var second = Norm.Layer(p, $"{at}.ln_2", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second,
                Mlp.Plain(p, $"{at}.mlp.c_fc", $"{at}.mlp.c_proj", hidden, middle, bias: true, activation));
        });
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "transformer.wte.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, null, ("transformer.", embed, layers, norm.Run), head);
    }
}
