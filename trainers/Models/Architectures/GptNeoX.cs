using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>GPT-NeoX-20B and Pythia: partly rotated heads, parallel or sequential parts.</summary>
public sealed class GptNeoXFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt_neox"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"), heads,
            config.Int("max_position_embeddings", 2048, 1, int.MaxValue));
        var middle = config.Int("intermediate_size");
        var epsilon = config.Number("layer_norm_eps", 1e-5);
        var bias = config.Flag("attention_bias", true);
        var parallel = config.Flag("use_parallel_residual", true);
        var activation = Activation.Read(config, "hidden_act", "gelu");
        var rotary = RotarySpec.Read(config, config.RotaryDim(heads.Dim, config.Number("rotary_pct", 0.25)), config.Number("rotary_emb_base", 10000));
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "gpt_neox.embed_in.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"gpt_neox.layers.{i}";
            var first = Norm.Layer(p, $"{at}.input_layernorm", hidden, epsilon);
            var project = QueryKeyValue.ByKeyHead(p, $"{at}.attention.query_key_value", hidden, heads, bias);
            var output = p.Linear($"{at}.attention.dense", heads.QueryWidth, hidden, bias);
            var attention = new Attention { Layer = i, Project = project, Output = (pass, x) => pass.Linear(output, x), Spec = new(heads.Scale), Rotary = rotary };
            var second = Norm.Layer(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            var feed = Mlp.Plain(p, $"{at}.mlp.dense_h_to_4h", $"{at}.mlp.dense_4h_to_h", hidden, middle, bias: true, activation);
            return parallel ? Residual.Parallel(first, attention.Run, second, feed) : Residual.Sequential(first, attention.Run, second, feed);
        });
        var norm = Norm.Layer(p, "gpt_neox.final_layer_norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "gpt_neox.embed_in.weight", "embed_out", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("gpt_neox.", embed, layers, norm.Run), head);
    }
}
