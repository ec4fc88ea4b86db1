using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>GPT-J: interleaved rotation of the first elements of each head, parallel parts that share one norm.</summary>
public sealed class GptJFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gptj"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.ReadGpt(config, context: 2048);
        var p = new ParameterList();
        return CodeGenFamily.Build(config, shape, p, at => QueryKeyValue.Apart(p, at, shape.Hidden, shape.Heads, bias: false));
    }
}

/// <summary>CodeGen: GPT-J with the three projections in one layer.</summary>
public sealed class CodeGenFamily : IModelFamily
{
    /// <summary>The projections are stored for as many devices as the first of these models were trained on.</summary>
    private const int Blocks = 4;

    public IReadOnlyList<string> ModelTypes { get; } = ["codegen"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.ReadGpt(config, context: 2048);
        if (shape.Heads.Queries % Blocks != 0)
            throw config.Wrong(config.First("n_head", "num_attention_heads"), $"must be a multiple of {Blocks}");
        var p = new ParameterList();
        return Build(config, shape, p, at => QueryKeyValue.InBlocks(p, $"{at}.qkv_proj", shape.Hidden, shape.Heads, Blocks));
    }

    internal static Architecture Build(ModelConfig config, DecoderShape shape, ParameterList p, Func<string, Projection> projection)
    {
        var (hidden, heads) = (shape.Hidden, shape.Heads);
        var middle = config.Int("n_inner", 4 * hidden, 1, int.MaxValue);
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var activation = Activation.Read(config, "activation_function", "gelu_new");
        var rotary = new RotarySpec(Rotated(config, heads.Dim), 10000) { Interleaved = true };
        var embed = Decoder.Tokens(p, "transformer.wte.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.h.{i}";
            var norm = Norm.Layer(p, $"{at}.ln_1", hidden, epsilon);
            var attention = SelfAttention.Of(p, i, projection($"{at}.attn"), $"{at}.attn.out_proj", shape, new(heads.Scale), rotary, bias: false);
            return Residual.Parallel(norm, attention.Run, null,
                Mlp.Plain(p, $"{at}.mlp.fc_in", $"{at}.mlp.fc_out", hidden, middle, bias: true, activation));
        });
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "transformer.wte.weight", "lm_head", hidden, shape.Vocab, bias: true);
        return Decoder.Create(config, shape, p, rotary, ("transformer.", embed, layers, norm.Run), head);
    }

    private static int Rotated(ModelConfig config, int headDim)
    {
        var rotated = config.IntOr("rotary_dim", 64);
        return rotated <= headDim && rotated % 2 == 0 ? rotated.Value
            : throw config.Wrong("rotary_dim", $"must be an even number of a head's {headDim} elements, and absent it means 64");
    }
}
