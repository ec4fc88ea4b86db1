using System.Text.Json;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>GPT-Neo: global and local layers in turn, scores that are not scaled.</summary>
public sealed class GptNeoFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt_neo"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, config.First("num_heads", "num_attention_heads"));
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.IntOf("num_layers", "num_hidden_layers"), heads,
            DecoderShape.ContextOf(config, "max_position_embeddings", 2048));
        var middle = config.Int("intermediate_size", 4 * hidden, 1, int.MaxValue);
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var activation = Activation.Read(config, "activation_function", "gelu_new");
        var local = LocalLayers(config, shape.Layers);
        var window = config.Int("window_size", 256, 1, int.MaxValue);
        var p = new ParameterList();
        var embed = Decoder.TokensAndPositions(p, "transformer.wte.weight", "transformer.wpe.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.h.{i}";
            var first = Norm.Layer(p, $"{at}.ln_1", hidden, epsilon);
            var project = QueryKeyValue.Apart(p, $"{at}.attn.attention", hidden, heads, bias: false);
            var attention = SelfAttention.Of(p, i, project, $"{at}.attn.attention.out_proj", shape, new(1, local[i] ? window : null), null, bias: true);
            var second = Norm.Layer(p, $"{at}.ln_2", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second,
                Mlp.Plain(p, $"{at}.mlp.c_fc", $"{at}.mlp.c_proj", hidden, middle, bias: true, activation));
        });
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "transformer.wte.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, null, ("transformer.", embed, layers, norm.Run), head);
    }

    /// <summary>From <c>attention_layers</c>, or from <c>attention_types</c>: [[kinds, repetitions], ...]. Absent: global and local in turn.</summary>
    private static bool[] LocalLayers(ModelConfig config, int layers)
    {
        IEnumerable<string?> kinds = Enumerable.Range(0, layers).Select(i => i % 2 == 0 ? "global" : "local");
        try
        {
            if (config.Has("attention_layers"))
                kinds = config.Json.GetProperty("attention_layers").EnumerateArray().Select(e => e.GetString());
            else if (config.Has("attention_types"))
                kinds = config.Json.GetProperty("attention_types").EnumerateArray().SelectMany(Expand);
            string?[] all = [.. kinds.Take(layers + 1)];
            if (all.Length == layers && all.All(k => k is "global" or "local"))
                return [.. all.Select(k => k == "local")];
        }
        catch (Exception e) when (e is InvalidOperationException or IndexOutOfRangeException or FormatException)
        {
            throw config.Wrong(config.First("attention_layers", "attention_types"), $"must give {layers} times global or local ({e.Message})");
        }

        throw config.Wrong(config.First("attention_layers", "attention_types"), $"must give {layers} times global or local");
    }

    private static IEnumerable<string?> Expand(JsonElement type) =>
        Enumerable.Range(0, Math.Clamp(type[1].GetInt32(), 0, 4096)).SelectMany(_ => type[0].EnumerateArray().Select(e => e.GetString()));
}
