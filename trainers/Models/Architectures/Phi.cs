using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Phi-1, 1.5 and 2: partly rotated heads, parallel parts that share one norm, biases everywhere.</summary>
public sealed class PhiFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["phi"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 2048);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var rotary = shape.Rotary(config, partial: 0.5);
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "gelu_new");
        var normed = config.Flag("qk_layernorm", false);
        var p = new ParameterList();
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var norm = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias: true, output: "dense", norms: normed ? Norms : null);
            return Residual.Parallel(norm, attention.Run, null, Mlp.Plain(p, $"{at}.mlp.fc1", $"{at}.mlp.fc2", hidden, middle, bias: true, activation));
        }, name => Norm.Layer(p, name, hidden, epsilon), new(Tied: false) { LastNorm = "model.final_layernorm", HeadBias = true });

        (Norm Query, Norm Key) Norms(string at) =>
            (Norm.Layer(p, $"{at}.q_layernorm", heads.Dim, epsilon, heads: heads.Queries), Norm.Layer(p, $"{at}.k_layernorm", heads.Dim, epsilon, heads: heads.Keys));
    }
}
