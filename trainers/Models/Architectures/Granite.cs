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
        var shape = DecoderShape.Read(config, context: 2048);
        var bias = config.Flag("attention_bias", false);
        var sparse = config.ModelType == "granitemoe";
        var (logits, embed) = (config.Number("logits_scaling", 1), config.Number("embedding_multiplier", 1));
        if (logits == 0)
            throw config.Wrong("logits_scaling", "must not be 0");
        var like = new LlamaLike(config, shape, shape.Rotary(config))
        {
            QueryKeyValueBias = bias,
            OutputBias = bias,
            MlpBias = !sparse && config.Flag("mlp_bias", false),
            Scale = config.Number("attention_multiplier", 1),
            Residual = config.Number("residual_multiplier", 1),
        };
        var options = like.Options with { Embed = (pass, x) => x * embed, LogitScale = 1 / logits };
        return (like with { Options = options, Feed = sparse ? at => Sparse(like, $"{at}.block_sparse_moe") : null }).Build();
    }

    /// <summary>The best few by the router's logits, weighted by the softmax of those logits alone.</summary>
    private static Piece Sparse(LlamaLike like, string at)
    {
        var (p, hidden, middle) = (like.Parameters, like.Shape.Hidden, like.Middle);
        var (count, chosen) = Experts.Counts(like.Config);
        var activation = Activation.Read(like.Config, "hidden_act", "silu");
        var inward = p.Matrix($"{at}.input_linear.weight", count, 2 * middle, hidden);
        var outward = p.Matrix($"{at}.output_linear.weight", count, hidden, middle);
        var router = p.Router($"{at}.router.layer", hidden, count);
        // No adapter attaches to the experts, whose inputs are kept where they are trained.
        p.Keeps(activation.Gate((double)middle * chosen) + new KeptElements(Narrow: (double)hidden * chosen, Trained: ((double)hidden + middle) * chosen));
        Piece[] experts = [.. Enumerable.Range(0, count).Select<int, Piece>(e => (pass, x) =>
        {
            var y = nn.functional.linear(x, pass.Parameter(inward).select(0, e));
            return nn.functional.linear(activation.Of(y.narrow(-1, 0, middle)) * y.narrow(-1, middle, middle), pass.Parameter(outward).select(0, e));
        })];
        return (pass, x) =>
        {
            var (values, indices) = pass.Linear(router, x).to(ScalarType.Float32).topk(chosen);
            return Experts.Mix(pass, x, values.softmax(-1), indices, experts);
        };
    }
}
