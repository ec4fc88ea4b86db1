using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Phi-3, 3.5 and 4: one layer for queries, keys and values, one for gate and up.</summary>
public sealed class Phi3Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["phi3"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 4096, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, config.RotaryDim(heads.Dim, 1));
        var epsilon = config.Number("rms_norm_eps", 1e-5);
        var spec = new AttentionSpec(heads.Scale, config.IntOrNull("sliding_window"));
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var first = Norm.Rms(p, $"{at}.input_layernorm", hidden, epsilon);
            var project = QueryKeyValue.Joined(p, $"{at}.self_attn.qkv_proj", hidden, heads, bias: false);
            var output = p.Linear($"{at}.self_attn.o_proj", heads.QueryWidth, hidden, bias: false);
            var attention = new Attention { Layer = i, Project = project, Output = (pass, x) => pass.Linear(output, x), Spec = spec, Rotary = rotary };
            var second = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second, Mlp.GatedJoined(p, $"{at}.mlp", hidden, middle, activation));
        });
        var norm = Norm.Rms(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);
    }
}
