using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>StarCoder2: grouped heads, layer norms, biases, an optional sliding window.</summary>
public sealed class Starcoder2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["starcoder2"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads", defaultKeys: 2);
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 4096, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim);
        var spec = new AttentionSpec(heads.Scale, config.IntOrNull("sliding_window"));
        var epsilon = config.Number("norm_epsilon", 1e-5);
        var bias = config.Flag("use_bias", true);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "gelu_pytorch_tanh");
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, spec, rotary, bias);
            var second = Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second, Mlp.Plain(p, $"{at}.mlp.c_fc", $"{at}.mlp.c_proj", hidden, middle, bias, activation));
        });
        var norm = Norm.Layer(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", true), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);
    }
}
