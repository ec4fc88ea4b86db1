using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Gemma 1: norms with the factor 1 + w, embeddings times sqrt(hidden).</summary>
public sealed class GemmaFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma"];

    public Architecture Create(ModelConfig config)
    {
        var g = GemmaShape.Read(config, defaultKeys: 16, defaultContext: 8192);
        var rotary = g.Shape.Rotary(config);
        return g.Build(rotary, i =>
        {
            var at = $"model.layers.{i}";
            var first = g.Norm($"{at}.input_layernorm");
            var attention = SelfAttention.Declare(g.Parameters, i, g.Shape, new(g.Heads.Scale), rotary, g.AttentionBias);
            return Residual.Sequential(first, attention.Run, g.Norm($"{at}.post_attention_layernorm"), g.Feed(at));
        });
    }
}

/// <summary>Gemma 2: four norms a layer, capped scores and logits, every other layer local.</summary>
public sealed class Gemma2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma2"];

    public Architecture Create(ModelConfig config)
    {
        var g = GemmaShape.Read(config, defaultKeys: 4, defaultContext: 8192);
        var rotary = g.Shape.Rotary(config);
        var window = g.Windows(i => i % 2 == 0);
        // Without it the published versions of this family disagree on what is meant: 224 or 256.
        var spec = new AttentionSpec(1 / Math.Sqrt(RotarySpec.Positive(config, "query_pre_attn_scalar")), SoftCap: config.NumberOr("attn_logit_softcapping", 50));
        return g.Build(rotary, i => g.Layer(i, SelfAttention.Declare(g.Parameters, i, g.Shape, spec with { Window = window(i) }, rotary, g.AttentionBias)),
            config.NumberOr("final_logit_softcapping", 30));
    }
}

/// <summary>Gemma 3's text model: norms of the heads, and local layers with frequencies of their own.</summary>
public sealed class Gemma3Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma3_text"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(!config.Flag("use_bidirectional_attention", false), "use_bidirectional_attention", "causal attention (false)");
        config.Require(!config.Has("attn_logit_softcapping"), "attn_logit_softcapping", "scores without a cap in this family (null)");
        var g = GemmaShape.Read(config, defaultKeys: 4, defaultContext: 131072);
        var (wide, narrow) = Rotations(config, g.Shape);
        var pattern = config.Int(config.First("sliding_window_pattern", "_sliding_window_pattern"), 6, 1, 4096);
        var window = g.Windows(i => (i + 1) % pattern != 0);
        var spec = new AttentionSpec(1 / Math.Sqrt(config.Has("query_pre_attn_scalar") ? RotarySpec.Positive(config, "query_pre_attn_scalar") : 256));
        // Its configs name the stretched context.
        return g.Build(wide.DependsOnLength ? wide : null, i => g.Layer(i, SelfAttention.Declare(g.Parameters, i, g.Shape,
            spec with { Window = window(i) }, window(i) is null ? wide : narrow, g.AttentionBias,
            norms: at => (g.Norm($"{at}.q_norm", g.Heads.Dim, g.Heads.Queries), g.Norm($"{at}.k_norm", g.Heads.Dim, g.Heads.Keys)))), config.NumberOrNull("final_logit_softcapping"));
    }

    /// <summary>Of global and of local layers: two bases and one scaling, or (newer) parameters by kind of layer.</summary>
    private static (RotarySpec Wide, RotarySpec Narrow) Rotations(ModelConfig config, DecoderShape shape)
    {
        const double wideTheta = 1e6, narrowTheta = 1e4;
        if (config.Object("rope_parameters") is { } both && both.Has("full_attention"))
            return (Of("full_attention", wideTheta), Of("sliding_attention", narrowTheta));
        return (shape.Rotary(config, wideTheta), new RotarySpec(shape.Heads.Dim, config.Number("rope_local_base_freq", narrowTheta)));

        RotarySpec Of(string kind, double theta) => RotarySpec.Read(both.Object(kind), shape.Heads.Dim, null, theta, new(shape.Context, null));
    }
}

/// <summary>What the Gemma families share.</summary>
internal sealed record GemmaShape(ModelConfig Config, DecoderShape Shape, ParameterList Parameters, double Epsilon, bool AttentionBias)
{
    internal HeadShape Heads => Shape.Heads;

    internal static GemmaShape Read(ModelConfig config, int defaultKeys, int defaultContext)
    {
        var shape = DecoderShape.Read(config, defaultContext, defaultKeys, headDim: 256);
        return new(config, shape, new ParameterList(), config.Number("rms_norm_eps", 1e-6), config.Flag("attention_bias", false));
    }

    /// <summary>Sliding windows: by <c>layer_types</c>, or where that is absent by the rule.</summary>
    internal Func<int, int?> Windows(Func<int, bool> rule)
    {
        var local = Config.LayerKinds("sliding_attention", Shape.Layers, rule);
        var window = Config.IntOr("sliding_window", 4096);
        return window is not null || !local.Contains(true) ? i => local[i] ? window : null
            : throw Config.Wrong("sliding_window", "must be a number of tokens, for the layers of sliding_attention");
    }

    internal Norm Norm(string module, int? size = null, int heads = 1) => Layers.Norm.OffsetRms(Parameters, module, size ?? Shape.Hidden, Epsilon, heads);

    /// <summary>The early configs' <c>hidden_act</c> says gelu and meant the approximation; the newer field counts alone.</summary>
    internal Piece Feed(string at) => Mlp.Gated(Parameters, $"{at}.mlp", Shape.Hidden, Config.Int("intermediate_size"), bias: false,
        Activation.Read(Config, "hidden_activation", "gelu_pytorch_tanh"));

    /// <summary>A layer with a norm before and after each part. Its attention is declared first.</summary>
    internal Piece Layer(int index, Attention attention)
    {
        var at = $"model.layers.{index}";
        return Residual.Sandwich(
            (Norm($"{at}.input_layernorm"), attention.Run, Norm($"{at}.post_attention_layernorm")),
            (Norm($"{at}.pre_feedforward_layernorm"), Feed(at), Norm($"{at}.post_feedforward_layernorm")));
    }

    internal Architecture Build(RotarySpec? rotary, Func<int, Piece> layer, double? softCap = null)
    {
        return Decoder.Named(Config, Shape, Parameters, rotary, (i, _) => layer(i), name => Norm(name),
            new(Tied: true) { Embed = (pass, x) => pass.Scale(x, Math.Sqrt(Shape.Hidden)), SoftCap = softCap });
    }
}
