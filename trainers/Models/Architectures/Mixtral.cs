using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Mixtral: Mistral whose feed-forward part is the top few of several experts, their softmax renormalized.</summary>
public sealed class MixtralFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["mixtral"];

    public Architecture Create(ModelConfig config)
    {
        var hidden = config.Int("hidden_size");
        var heads = HeadShape.Read(config, hidden, "num_attention_heads", "num_key_value_heads", defaultKeys: 8);
        var shape = new DecoderShape(config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 1, 4096), heads,
            config.Int("max_position_embeddings", 131072, 1, int.MaxValue));
        var rotary = RotarySpec.Read(config, heads.Dim, 1e6);
        var epsilon = config.Number("rms_norm_eps", 1e-5);
        var spec = new AttentionSpec(heads.Scale, config.IntOrNull("sliding_window"));
        var p = new ParameterList();
        var embed = Decoder.Tokens(p, "model.embed_tokens.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"model.layers.{i}";
            var first = Norm.Rms(p, $"{at}.input_layernorm", hidden, epsilon);
            var attention = SelfAttention.Declare(p, i, shape, spec, rotary);
            var second = Norm.Rms(p, $"{at}.post_attention_layernorm", hidden, epsilon);
            return Residual.Sequential(first, attention.Run, second, Sparse(config, p, $"{at}.block_sparse_moe", hidden));
        });
        var norm = Norm.Rms(p, "model.norm", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "model.embed_tokens.weight", "lm_head", hidden, shape.Vocab);
        return Decoder.Create(config, shape, p, rotary, ("model.", embed, layers, norm.Run), head);
    }

    private static Piece Sparse(ModelConfig config, ParameterList p, string at, int hidden)
    {
        var count = config.Int("num_local_experts", 8, 1, 4096);
        var chosen = config.Int("num_experts_per_tok", 2, 1, count);
        var middle = config.Int("intermediate_size");
        var activation = Activation.Read(config, "hidden_act", "silu");
        var gate = p.Router($"{at}.gate", hidden, count);
        Piece[] experts = [.. Enumerable.Range(0, count).Select(e => Mlp.Gated(
            p, $"{at}.experts.{e}", hidden, middle, bias: false, activation, "w1", "w3", "w2", (double)chosen / count))];
        return (pass, x) =>
        {
            var (values, indices) = pass.Linear(gate, x).to(TorchSharp.torch.ScalarType.Float32).softmax(-1).topk(chosen);
            return Experts.Mix(pass, x, values / values.sum(-1, keepdim: true), indices, experts);
        };
    }
}
