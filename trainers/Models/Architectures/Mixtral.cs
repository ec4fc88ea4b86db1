using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Mixtral: Mistral whose feed-forward part is the top few of several experts, their softmax renormalized.</summary>
public sealed class MixtralFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["mixtral"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 131072, keys: 8);
        var window = config.IntOrNull("sliding_window");
        var like = new LlamaLike(config, shape, shape.Rotary(config, 1e6), DefaultEpsilon: 1e-5) { Window = _ => window };
        return (like with { Feed = at => Sparse(like, $"{at}.block_sparse_moe") }).Build();
    }

    private static Piece Sparse(LlamaLike like, string at)
    {
        var (config, p, hidden) = (like.Config, like.Parameters, like.Shape.Hidden);
        var (count, chosen) = Experts.Counts(config);
        var activation = Activation.Read(config, "hidden_act", "silu");
        var gate = p.Router($"{at}.gate", hidden, count);
        // What the experts give, to be weighted.
        p.Keeps(new KeptElements(Narrow: (double)hidden * chosen));
        Piece[] experts = [.. Enumerable.Range(0, count).Select(e => Mlp.Gated(
            p, $"{at}.experts.{e}", hidden, like.Middle, bias: false, activation, "w1", "w3", "w2", (double)chosen / count))];
        return (pass, x) =>
        {
            var (values, indices) = pass.Linear(gate, x).to(ScalarType.Float32).softmax(-1).topk(chosen);
            return Experts.Mix(pass, x, values / values.sum(-1, keepdim: true), indices, experts);
        };
    }
}
