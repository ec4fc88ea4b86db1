using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>BERT (Devlin et al. 2019): attention to both sides, learned positions, two kinds of segments, norms after the sums, a pooled first token.</summary>
public sealed class BertFamily : IModelFamily
{
    private const string Embeddings = "bert.embeddings";

    public IReadOnlyList<string> ModelTypes { get; } = ["bert"];

    public Architecture Create(ModelConfig config)
    {
        config.Require((config.TextOrNull("position_embedding_type") ?? "absolute") == "absolute", "position_embedding_type", "absolute");
        config.Require(!config.Flag("is_decoder", false), "is_decoder", "encoders (false)");
        config.Require(!config.Flag("add_cross_attention", false), "add_cross_attention", "encoders without cross-attention (false)");
        var hidden = config.Int("hidden_size", 768, 1, int.MaxValue);
        var heads = config.Int("num_attention_heads", 12, 1, hidden);
        if (hidden % heads != 0)
            throw config.Wrong("num_attention_heads", $"must divide hidden_size ({hidden})");
        var shape = new DecoderShape(config.Int("vocab_size", 30522, 1, int.MaxValue), hidden, config.Int("num_hidden_layers", 12, 1, 4096),
            new HeadShape(heads, heads, hidden / heads), config.Int("max_position_embeddings", 512, 1, int.MaxValue));
        var types = config.Int("type_vocab_size", 2, 1, int.MaxValue);
        var epsilon = config.Number("layer_norm_eps", 1e-12);
        var p = new ParameterList();
        var embed = Embedding(p, shape, types, epsilon);
        var layers = Decoder.Repeat(shape, i => Layer(config, p, i, shape, epsilon));
        p.Linear("bert.pooler.dense", hidden, hidden, bias: true);
        return new Encoder(config, p, embed, layers)
        {
            VocabSize = shape.Vocab,
            HiddenSize = hidden,
            LayerCount = shape.Layers,
            ContextLength = shape.Context,
            HeadCount = heads,
            KeyValueHeads = heads,
            HeadDim = hidden / heads,
            Head = new HeadSpec("classifier.weight", "classifier.bias") { Module = "classifier" },
            BasePrefix = "bert.",
            IsEncoder = true,
            TokenTypes = types,
            OptionalModules = ["bert.pooler"],
            // The heads that it was pretrained with, and those of other tasks.
            Ignored = ["cls.", "classifier.", "qa_outputs."],
        };
    }

    private static Piece Embedding(ParameterList p, DecoderShape shape, int types, double epsilon)
    {
        var words = p.Embedding($"{Embeddings}.word_embeddings.weight", shape.Vocab, shape.Hidden);
        var positions = p.Embedding($"{Embeddings}.position_embeddings.weight", shape.Context, shape.Hidden);
        var segments = p.Embedding($"{Embeddings}.token_type_embeddings.weight", types, shape.Hidden);
        var norm = Norm.Layer(p, $"{Embeddings}.LayerNorm", shape.Hidden, epsilon);
        return (pass, tokens) =>
        {
            var kinds = pass.TokenTypes ?? zeros([tokens.size(0)], ScalarType.Int64, tokens.device);
            return norm.Run(pass, pass.Embed(words, tokens) + pass.Embed(segments, kinds) + pass.Embed(positions, pass.Positions));
        };
    }

    private static Piece Layer(ModelConfig config, ParameterList p, int index, DecoderShape shape, double epsilon)
    {
        var at = $"bert.encoder.layer.{index}";
        var (hidden, heads) = (shape.Hidden, shape.Heads);
        var project = QueryKeyValue.Apart(p, $"{at}.attention.self", hidden, heads, bias: true, "query", "key", "value");
        var output = p.Linear($"{at}.attention.output.dense", hidden, hidden, bias: true);
        var attention = new Attention
        {
            Layer = index, Project = project, Output = (pass, x) => pass.Linear(output, x), Spec = new(heads.Scale) { Bidirectional = true },
        };
        var first = Norm.Layer(p, $"{at}.attention.output.LayerNorm", hidden, epsilon);
        var feed = Mlp.Plain(p, $"{at}.intermediate.dense", $"{at}.output.dense", hidden, config.Int("intermediate_size", 3072, 1, int.MaxValue), bias: true,
            Activation.Read(config, "hidden_act", "gelu"));
        var second = Norm.Layer(p, $"{at}.output.LayerNorm", hidden, epsilon);
        return Residual.NormAfterSum(attention.Run, first, feed, second);
    }
}

/// <summary>An encoder put together from pieces; its pooler is the layer <c>bert.pooler.dense</c> and a tanh.</summary>
internal sealed class Encoder(ModelConfig config, ParameterList parameters, Piece embed, Piece[] layers)
    : Architecture(config, parameters)
{
    public override Tensor Embed(ForwardPass pass, Tensor tokens) => embed(pass, tokens);

    public override Tensor Block(ForwardPass pass, int layer, Tensor hidden) => layers[layer](pass, hidden);

    public override Tensor Final(ForwardPass pass, Tensor hidden) => hidden;

    public override Tensor Pool(ForwardPass pass, Tensor rows) => pass.Linear("bert.pooler.dense", rows).tanh();
}
