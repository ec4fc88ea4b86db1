using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Phi-1, 1.5 and 2: partly rotated heads, parallel parts that share one norm, biases everywhere.</summary>
public sealed class PhiFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["phi"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 2048, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, config.RotaryDim(heads.Dim, 0.5));
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "gelu_new");
        var normed = config.Flag("qk_layernorm", false);
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var norm = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, new(heads.Scale), rotary, bias: true, output: "dense", norms: normed ? Norms : null);
            return Residual.Parallel(norm, attention.Run, null, Mlp.Plain(p, $"{at}.mlp.fc1", $"{at}.mlp.fc2", hidden, middle, bias: true, activation));
        });
        var norm = Norm.Layer(p, "model.final_layernorm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab, bias: true);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);

        (Norm Query, Norm Key) Norms(string at) =>
            (Norm.Layer(p, $"{at}.q_layernorm", heads.Dim, epsilon), Norm.Layer(p, $"{at}.k_layernorm", heads.Dim, epsilon));
    }
}
