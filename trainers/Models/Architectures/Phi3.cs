using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Phi-3, 3.5 and 4: one layer for queries, keys and values, one for gate and up.</summary>
public sealed class Phi3Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["phi3"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 4096);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var rotary = shape.Rotary(config, partial: 1, originalContext: 4096);
        var epsilon = config.Number("rms_norm_eps", 1e-5);
        var spec = new AttentionSpec(heads.Scale, config.IntOrNull("sliding_window"));
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var first = Norm.Rms(p, $"{at}.input_layernorm", hidden, epsilon);
            var project = QueryKeyValue.Joined(p, $"{at}.self_attn.qkv_proj", hidden, heads, bias: false);
            var attention = SelfAttention.Of(p, i, project, $"{at}.self_attn.o_proj", shape, spec, rotary, bias: false);
            var second = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second, Mlp.GatedJoined(p, $"{at}.mlp", hidden, middle, activation));
        }, name => Norm.Rms(p, name, hidden, epsilon), new(Tied: false));
    }
}
