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
        var shape = DecoderShape.Read(config, context: 2048);
        var rotary = shape.Rotary(config);
        var bias = config.Flag("attention_bias", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        Func<Projection, Projection>? clip = config.NumberOrNull("clip_qkv") is { } limit ? x => QueryKeyValue.Clipped(p, shape.Heads, x, limit) : null;
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var attention = SelfAttention.Declare(p, i, shape, new(shape.Heads.Scale), rotary, bias, change: clip);
            return Residual.Sequential(Plain(), attention.Run, Plain(), Mlp.Gated(p, $"{at}.mlp", shape.Hidden, middle, bias: false, activation));
        }, _ => Plain(), new(Tied: false));

        Norm Plain() => Norm.Plain(p, shape.Hidden, Epsilon);
    }
}

/// <summary>OLMo 2: each part's output is normed, and so are all queries and all keys of a token together.</summary>
public sealed class Olmo2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["olmo2"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 2048);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var rotary = shape.Rotary(config);
        var epsilon = config.Number("rms_norm_eps", 1e-5);
        var bias = config.Flag("attention_bias", false);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        return Decoder.Named(config, shape, p, rotary, (i, at) =>
        {
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias, norms: self => (
                Norm.RmsOverHeads(p, $"{self}.q_norm", heads.QueryWidth, epsilon), Norm.RmsOverHeads(p, $"{self}.k_norm", heads.KeyWidth, epsilon)));
            var first = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Gated(p, $"{at}.mlp", hidden, middle, bias: false, activation);
            return Residual.NormedParts(attention.Run, first, feed, Norm.Rms(p, $"{at}.post_feedforward_layernorm", hidden, epsilon));
        }, name => Norm.Rms(p, name, hidden, epsilon), new(Tied: false));
    }
}
