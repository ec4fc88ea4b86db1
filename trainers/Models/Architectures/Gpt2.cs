using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>GPT-2 and DialoGPT: learned positions, weights stored [in, out].</summary>
public sealed class Gpt2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt2"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(!config.Flag("add_cross_attention", false), "add_cross_attention", "decoders without cross-attention (false)");
        var shape = DecoderShape.ReadGpt(config, context: 1024);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var middle = config.Int("n_inner", 4 * hidden, 1, int.MaxValue);
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var activation = Activation.Read(config, "activation_function", "gelu_new");
        var byDepth = config.Flag("scale_attn_by_inverse_layer_idx", false);
        var scale = config.Flag("scale_attn_weights", true) ? heads.Scale : 1;
        var p = new ParameterList();
        var embed = Decoder.TokensAndPositions(p, "transformer.wte.weight", "transformer.wpe.weight", shape);
        var layers = Decoder.Repeat(shape, i => Layer(p, i, shape, epsilon, byDepth ? scale / (i + 1) : scale,
            at => Mlp.Conv1D(p, $"{at}.c_fc", $"{at}.c_proj", hidden, middle, activation)));
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "transformer.wte.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, null, ("transformer.", embed, layers, norm.Run), head);
    }

    private static Piece Layer(ParameterList p, int index, DecoderShape shape, double epsilon, double scale, Func<string, Piece> feed)
    {
        var at = $"transformer.h.{index}";
        var first = Norm.Layer(p, $"{at}.ln_1", shape.Hidden, epsilon);
        var project = QueryKeyValue.Joined(p, $"{at}.attn.c_attn", shape.Hidden, shape.Heads, bias: true, conv1D: true);
        var output = p.Conv1D($"{at}.attn.c_proj", shape.Heads.QueryWidth, shape.Hidden, bias: true);
        var attention = new Attention { Layer = index, Project = project, Output = (pass, x) => pass.Conv1D(output, x), Spec = new(scale) };
        var second = Norm.Layer(p, $"{at}.ln_2", shape.Hidden, epsilon);
        return Residual.Sequential(first, attention.Run, second, feed($"{at}.mlp"));
    }
}
