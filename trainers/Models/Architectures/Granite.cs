using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>IBM Granite 3: Llama with multipliers of embeddings, scores, contributions and logits; the MoE line has stacked experts.</summary>
public sealed class GraniteFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["granite", "granitemoe"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads");
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 2048, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim);
        var epsilon = config.Number("rms_norm_eps", 1e-6);
        var bias = config.Flag("attention_bias", false);
        var spec = new AttentionSpec(config.Number("attention_multiplier", 1));
        var factor = config.Number("residual_multiplier", 1);
        var sparse = config.ModelType == "granitemoe";
        var p = new ParameterList();
        var tokens = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var first = Norm.Rms(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, spec, rotary, bias);
            var second = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Scaled(first, attention.Run, second, sparse ? Sparse(config, p, $"{at}.block_sparse_moe", hidden) : Dense(config, p, at, hidden), factor);
        });
        var norm = Norm.Rms(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        var logits = config.Number("logits_scaling", 1);
        var embed = config.Number("embedding_multiplier", 1);
        if (logits == 0)
            throw config.Wrong("logits_scaling", "must not be 0");
        return Decoder.Create(config, shape, p, rotary,
            ("model.", (pass, ids) => tokens(pass, ids) * embed, layers, norm.Run), head with { Scale = 1 / logits },
            sparse ? (long)shape.Layers * config.Int("num_experts_per_tok", 2, 1, 4096) * (4L * config.Int("intermediate_size") + 2 * hidden) : 0);
    }

    private static Piece Dense(ModelConfig config, ParameterList p, string at, int hidden) => Mlp.Gated(
        p, $"{at}.mlp", hidden, config.Int("intermediate_size"), config.Flag("mlp_bias", false), Activation.Read(config, "hidden_act", "silu"));

    /// <summary>The best few by the router's logits, weighted by the softmax of those logits alone.</summary>
    private static Piece Sparse(ModelConfig config, ParameterList p, string at, int hidden)
    {
        var count = config.Int("num_local_experts", 8, 1, 4096);
        var chosen = config.Int("num_experts_per_tok", 2, 1, count);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var inward = p.Matrix($"{at}.input_linear.weight", count, 2 * middle, hidden);
        var outward = p.Matrix($"{at}.output_linear.weight", count, hidden, middle);
        var router = p.Router($"{at}.router.layer", hidden, count);
        Piece[] experts = [.. Enumerable.Range(0, count).Select<int, Piece>(e => (pass, x) =>
        {
            var y = nn.functional.linear(x, pass.Parameter(inward).select(0, e));
            return nn.functional.linear(activation(y.narrow(-1, 0, middle)) * y.narrow(-1, middle, middle), pass.Parameter(outward).select(0, e));
        })];
        return (pass, x) =>
        {
            var (values, indices) = pass.Linear(router, x).to(ScalarType.Float32).topk(chosen);
            return Experts.Mix(pass, x, values.softmax(-1), indices, experts);
        };
    }
}
