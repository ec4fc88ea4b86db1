using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>The sizes that every decoder has.</summary>
internal sealed record DecoderShape(int Vocab, int Hidden, int Layers, HeadShape Heads, int Context)
{
    private const int MostLayers = 4096;

    /// <summary>By the names that most families since Llama share. Defaults are those of the family's config class, for what configs leave out.</summary>
    /// <param name="config">Of the family.</param>
    /// <param name="context">Default of <c>max_position_embeddings</c>.</param>
    /// <param name="keys">Default of <c>num_key_value_heads</c>; null: as many as query heads.</param>
    /// <param name="headDim">Default of <c>head_dim</c>; null: hidden / heads.</param>
    internal static DecoderShape Read(ModelConfig config, int context, int? keys = null, int? headDim = null)
    {
        var hidden = config.Int("hidden_size");
        return new(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, MostLayers),
            HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads", keys, headDim), ContextOf(config, "max_position_embeddings", context));
    }

    /// <summary>By GPT-2's names, or those that stand for them in newer files.</summary>
    internal static DecoderShape ReadGpt(ModelConfig config, int context)
    {
        var hidden = config.IntOf("n_embd", "hidden_size");
        return new(config.Int("vocab_size"), hidden, config.Int(config.First("n_layer", "num_hidden_layers"), 1, MostLayers),
            HeadShape.Read(config, hidden, config.First("n_head", "num_attention_heads")),
            ContextOf(config, config.First("n_positions", "max_position_embeddings"), context));
    }

    internal static int ContextOf(ModelConfig config, string name, int fallback) => config.Int(name, fallback, 1, int.MaxValue);

    /// <inheritdoc cref="RotarySpec.Read(ModelConfig, int, int, double, double?, int?)"/>
    internal RotarySpec Rotary(ModelConfig config, double defaultTheta = 10000, double? partial = null, int? originalContext = null) =>
        RotarySpec.Read(config, Heads.Dim, Context, defaultTheta, partial, originalContext);
}
