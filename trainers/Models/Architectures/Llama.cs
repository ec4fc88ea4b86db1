using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Llama 1 to 3.x and everything published under <c>model_type: llama</c>.</summary>
public sealed class LlamaFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["llama"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 2048);
        var bias = config.Flag("attention_bias", false);
        return new LlamaLike(config, shape, shape.Rotary(config))
        {
            QueryKeyValueBias = bias,
            OutputBias = bias,
            MlpBias = config.Flag("mlp_bias", false),
        }.Build();
    }
}

/// <summary>Layers of RMS norm, rotated attention, RMS norm and a gated feed-forward part, and what families vary in them.</summary>
internal sealed record LlamaLike(ModelConfig Config, DecoderShape Shape, RotarySpec Rotary, double DefaultEpsilon = 1e-6)
{
    internal ParameterList Parameters { get; } = new();

    internal bool QueryKeyValueBias { get; init; }

    internal bool OutputBias { get; init; }

    internal bool MlpBias { get; init; }

    /// <summary>Each query and key head is normed.</summary>
    internal bool HeadNorms { get; init; }

    /// <summary>Sliding window of each layer, in tokens; null: none.</summary>
    internal Func<int, int?> Window { get; init; } = _ => null;

    /// <summary>Factor of the scores; null: 1 / sqrt(head size).</summary>
    internal double? Scale { get; init; }

    /// <summary>Factor of what the parts add to the stream.</summary>
    internal double Residual { get; init; } = 1;

    /// <summary>Declares another feed-forward part, by the layer's name.</summary>
    internal Func<string, Piece>? Feed { get; init; }

    internal NamedOptions Options { get; init; } = new(Tied: false);

    internal int Middle => Config.Int("intermediate_size");

    internal Architecture Build()
    {
        var epsilon = Config.Number("rms_norm_eps", DefaultEpsilon);
        var feed = Feed ?? Gated(Activation.Read(Config, "hidden_act", "silu"));
        return Decoder.Named(Config, Shape, Parameters, Rotary, (i, at) =>
        {
            var first = Rms($"{at}.input_layernorm", Shape.Hidden);
            var attention = SelfAttention.Declare(Parameters, i, Shape, new(Scale ?? Shape.Heads.Scale, Window(i)), Rotary, QueryKeyValueBias, OutputBias,
                norms: HeadNorms ? self => (Rms($"{self}.q_norm", Shape.Heads.Dim, Shape.Heads.Queries), Rms($"{self}.k_norm", Shape.Heads.Dim, Shape.Heads.Keys)) : null);
            var second = Rms($"{at}.post_attention_layernorm", Shape.Hidden);
            return Residual == 1 ? Layers.Residual.Sequential(first, attention.Run, second, feed(at))
                : Layers.Residual.Scaled(first, attention.Run, second, feed(at), Residual);
        }, name => Rms(name, Shape.Hidden), Options);

        Norm Rms(string module, int size, int heads = 1) => Norm.Rms(Parameters, module, size, epsilon, heads);
    }

    private Func<string, Piece> Gated(Activation activation) =>
        at => Mlp.Gated(Parameters, $"{at}.mlp", Shape.Hidden, Middle, MlpBias, activation);
}
