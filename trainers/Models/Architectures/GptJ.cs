using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Models.Architectures;

/// <summary>GPT-J: interleaved rotation of the first elements of each head, parallel parts that share one norm.</summary>
public sealed class GptJFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["gptj"];

    public Architecture Create(ModelConfig config)
    {
        var shape = CodeGenFamily.Shape(config);
        var p = new ParameterList();
        return CodeGenFamily.Build(config, shape, p, config.IntOrNull("rotary_dim", 2, shape.Heads.Dim) ?? shape.Heads.Dim,
            at => QueryKeyValue.Apart(p, at, shape.Hidden, shape.Heads, bias: false));
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
        var shape = Shape(config);
        if (shape.Heads.Queries % Blocks != 0)
            throw config.Wrong(config.First("n_head", "num_attention_heads"), $"must be a multiple of {Blocks}");
        var p = new ParameterList();
        return Build(config, shape, p, config.IntOrNull("rotary_dim", 2, shape.Heads.Dim) ?? Math.Min(64, shape.Heads.Dim),
            at => QueryKeyValue.InBlocks(p, $"{at}.qkv_proj", shape.Hidden, shape.Heads, Blocks));
    }

    internal static DecoderShape Shape(ModelConfig config)
    {
        var hidden = config.IntOf("n_embd", "hidden_size");
        return new(config.Int("vocab_size"), hidden, config.IntOf("n_layer", "num_hidden_layers"),
            HeadShape.Read(config, hidden, config.First("n_head", "num_attention_heads")),
            config.Int(config.First("n_positions", "max_position_embeddings"), 2048, 1, int.MaxValue));
    }

    internal static Architecture Build(ModelConfig config, DecoderShape shape, ParameterList p, int rotated, Func<string, Projection> projection)
    {
        var (hidden, heads) = (shape.Hidden, shape.Heads);
        var middle = config.Int("n_inner", 4 * hidden, 1, int.MaxValue);
        var epsilon = config.Number("layer_norm_epsilon", 1e-5);
        var activation = Activation.Read(config, "activation_function", "gelu_new");
        var rotary = RotarySpec.Read(config, rotated) with { Interleaved = true };
        var embed = Decoder.Tokens(p, "transformer.wte.weight", shape);
        var layers = Decoder.Repeat(shape, i =>
        {
            var at = $"transformer.h.{i}";
            var norm = Norm.Layer(p, $"{at}.ln_1", hidden, epsilon);
            var project = projection($"{at}.attn");
            var output = p.Linear($"{at}.attn.out_proj", heads.QueryWidth, hidden, bias: false);
            var attention = new Attention { Layer = i, Project = project, Output = (pass, x) => pass.Linear(output, x), Spec = new(heads.Scale), Rotary = rotary };
            return Residual.Parallel(norm, attention.Run, null,
                Mlp.Plain(p, $"{at}.mlp.fc_in", $"{at}.mlp.fc_out", hidden, middle, bias: true, activation));
        });
        var norm = Norm.Layer(p, "transformer.ln_f", hidden, epsilon);
        var head = p.Head(config.Flag("tie_word_embeddings", false), "transformer.wte.weight", "lm_head", hidden, shape.Vocab, bias: true);
        return Decoder.Create(config, shape, p, rotary, ("transformer.", embed, layers, norm.Run), head);
    }
}
