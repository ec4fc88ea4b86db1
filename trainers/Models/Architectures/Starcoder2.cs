using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>StarCoder2: grouped heads, layer norms, biases, an optional sliding window.</summary>
public sealed class Starcoder2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["starcoder2"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 4096, keys: 2);
        var hidden = shape.Hidden;
        var rotary = shape.Rotary(config);
        var spec = new AttentionSpec(shape.Heads.Scale, config.IntOrNull("sliding_window"));
        var epsilon = config.Number("norm_epsilon", 1e-5);
        var bias = config.Flag("use_bias", true);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "gelu_pytorch_tanh");
        var p = new ParameterList();
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, spec, rotary, bias);
            var second = Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second, Mlp.Plain(p, $"{at}.mlp.c_fc", $"{at}.mlp.c_proj", hidden, middle, bias, activation));
        }, name => Norm.Layer(p, name, hidden, epsilon), new(Tied: true));
    }
}
