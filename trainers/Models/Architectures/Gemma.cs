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
        var rotary = RotarySpec.Read(config, g.Heads.Dim);
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
        var rotary = RotarySpec.Read(config, g.Heads.Dim);
        var local = config.LayerKinds("sliding_attention", g.Shape.Layers, i => i % 2 == 0);
        var window = config.Int("sliding_window", 4096, 1, int.MaxValue);
        var spec = new AttentionSpec(1 / Math.Sqrt(config.Number("query_pre_attn_scalar", 256)), SoftCap: config.NumberOr("attn_logit_softcapping", 50));
        return g.Build(rotary, i => g.Layer(i,
            SelfAttention.Declare(g.Parameters, i, g.Shape, spec with { Window = local[i] ? window : null }, rotary, g.AttentionBias)), config.NumberOr("final_logit_softcapping", 30));
    }
}

/// <summary>Gemma 3's text model: norms of the heads, and local layers with frequencies of their own.</summary>
public sealed class Gemma3Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma3_text"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(!config.Flag("use_bidirectional_attention", false), "use_bidirectional_attention", "causal attention (false)");
        var g = GemmaShape.Read(config, defaultKeys: 4, defaultContext: 131072);
        var (wide, narrow) = Rotations(config, g.Heads.Dim);
        var pattern = config.Int(config.First("sliding_window_pattern", "_sliding_window_pattern"), 6, 1, 4096);
        var local = config.LayerKinds("sliding_attention", g.Shape.Layers, i => (i + 1) % pattern != 0);
        var window = config.Int("sliding_window", 4096, 1, int.MaxValue);
        var spec = new AttentionSpec(1 / Math.Sqrt(config.Number("query_pre_attn_scalar", 256)), SoftCap: config.NumberOrNull("attn_logit_softcapping"));
        // Its configs name the stretched context.
        return g.Build(wide.DependsOnLength ? wide : null, i => g.Layer(i, SelfAttention.Declare(g.Parameters, i, g.Shape,
            spec with { Window = local[i] ? window : null }, local[i] ? narrow : wide, g.AttentionBias,
            norms: at => (g.Norm($"{at}.q_norm", g.Heads.Dim), g.Norm($"{at}.k_norm", g.Heads.Dim)))), config.NumberOrNull("final_logit_softcapping"));
    }

    /// <summary>Of global and of local layers: two bases and one scaling, or (newer) parameters by kind of layer.</summary>
    private static (RotarySpec Wide, RotarySpec Narrow) Rotations(ModelConfig config, int dim)
    {
        const double wideTheta = 1e6, narrowTheta = 1e4;
        if (config.Object("rope_parameters") is { } both && both.Has("full_attention"))
        {
            return (RotarySpec.Read(config, both.Object("full_attention"), dim, null, wideTheta),
                RotarySpec.Read(config, both.Object("sliding_attention"), dim, null, narrowTheta));
        }

        return (RotarySpec.Read(config, dim, wideTheta), new RotarySpec(dim, config.Number("rope_local_base_freq", narrowTheta)));
    }
}

/// <summary>What the Gemma families share.</summary>
internal sealed record GemmaShape(ModelConfig Config, DecoderShape Shape, ParameterList Parameters, double Epsilon, bool AttentionBias)
{
    internal HeadShape Heads => Shape.Heads;

    internal static GemmaShape Read(ModelConfig config, int defaultKeys, int defaultContext)
    {
        var hidden = config.Int("hidden_size");
        var queries = config.Int("num_attention_heads");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads", Math.Min(defaultKeys, queries), defaultDim: 256);
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", defaultContext, 1, int.MaxValue));
        return new(config, shape, new ParameterList(), config.Number("rms_norm_eps", 1e-6), config.Flag("attention_bias", false));
    }

    internal Norm Norm(string module, int? size = null) => Layers.Norm.OffsetRms(Parameters, module, size ?? Shape.Hidden, Epsilon);

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
        var tokens = Decoder.Tokens(Parameters, "model.embed_tokens.weight", Shape);
        var layers = Decoder.Repeat(Shape, layer);
        var norm = Norm("model.norm");
        var head = Parameters.Head(Config.Flag("tie_word_embeddings", true), "model.embed_tokens.weight", "lm_head", Shape.Hidden, Shape.Vocab);
        return Decoder.Create(Config, Shape, Parameters, rotary,
            ("model.", (pass, ids) => pass.Scale(tokens(pass, ids), Math.Sqrt(Shape.Hidden)), layers, norm.Run), head with { SoftCap = softCap });
    }
}
