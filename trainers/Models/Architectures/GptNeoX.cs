using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>GPT-NeoX-20B and Pythia: partly rotated heads, parallel or sequential parts.</summary>
public sealed class GptNeoXFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt_neox"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 2048);
        var (heads, hidden) = (shape.Heads, shape.Hidden);
        var middle = config.Int("intermediate_size");
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var bias = config.Flag("attention_bias", true);
        var parallel = config.Flag("use_parallel_residual", true);
        var activation = Activation.Read(config, "hidden_act", "gelu");
        var rotary = shape.Rotary(config, config.Number("rotary_emb_base", 10000), partial: 0.25);
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "gpt_neox.embed_in.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"gpt_neox.layers.{i}";
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var project = QueryKeyValue.ByKeyHead(p, $"{at}.attention.query_key_value", hidden, heads, bias);
            var attention = SelfAttention.Of(p, i, project, $"{at}.attention.dense", shape, new(heads.Scale), rotary, bias);
            var second = Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Plain(p, $"{at}.mlp.dense_h_to_4h", $"{at}.mlp.dense_4h_to_h", hidden, middle, bias: true, activation);
            return parallel ? Residual.Parallel(first, attention.Run, second, feed) : Residual.Sequential(first, attention.Run, second, feed);
        });
        var norm = Norm.Layer(p, "gpt_neox.final_layer_norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "gpt_neox.embed_in.weight", "embed_out", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("gpt_neox.", embed, layers, norm.Run), head);
    }
}
