using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>What families with Llama's names differ in outside their layers.</summary>
/// <param name="Tied">Default of <c>tie_word_embeddings</c>.</param>
internal sealed record NamedOptions(bool Tied)
{
    internal string LastNorm { get; init; } = "model.norm";

    /// <summary>Done to the token embeddings.</summary>
    internal Piece? Embed { get; init; }

    internal bool HeadBias { get; init; }

    internal double LogitScale { get; init; } = 1;

    /// <summary>Of the logits.</summary>
    internal double? SoftCap { get; init; }
}

/// <summary>A decoder put together from pieces: embedding, layers, final norm.</summary>
internal sealed class Decoder : Architecture
{
    private readonly Piece _embed;
    private readonly Piece[] _layers;
    private readonly Piece _final;

    private Decoder(ModelConfig config, ParameterList parameters, Piece embed, Piece[] layers, Piece final)
        : base(config, parameters)
    {
        _embed = embed;
        _layers = layers;
        _final = final;
    }

    /// <param name="config">Of the family.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="parameters">Everything declared.</param>
    /// <param name="rotary">How positions are rotated; of several kinds the one that depends on lengths.</param>
    /// <param name="body">
    /// The parts: the embedding takes token ids [T]; the prefix is what names of the bare model lack, such as <c>transformer.</c>
    /// </param>
    /// <param name="head">Projection to logits.</param>
    internal static Decoder Create(ModelConfig config, DecoderShape shape, ParameterList parameters, RotarySpec? rotary,
        (string Prefix, Piece Embed, Piece[] Layers, Piece Final) body, HeadSpec head) =>
        new(config, parameters, body.Embed, body.Layers, body.Final)
        {
            VocabSize = shape.Vocab,
            HiddenSize = shape.Hidden,
            LayerCount = shape.Layers,
            ContextLength = rotary?.Stretch(shape.Context) ?? shape.Context,
            Rotary = rotary,
            HeadCount = shape.Heads.Queries,
            KeyValueHeads = shape.Heads.Keys,
            HeadDim = shape.Heads.Dim,
            Head = head,
            BasePrefix = body.Prefix,
        };

    /// <summary>
    /// A decoder whose parts have the names that most families since Llama share: <c>model.embed_tokens</c>, <c>model.layers.N</c>,
    /// <c>model.norm</c> and <c>lm_head</c>.
    /// </summary>
    /// <param name="config">Of the family.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="p">Where the parts are declared.</param>
    /// <param name="rotary">See <see cref="Create"/>.</param>
    /// <param name="layer">Declares a layer: its index and its name.</param>
    /// <param name="norm">Declares the last norm by its name.</param>
    /// <param name="o">What else the family has.</param>
    internal static Architecture Named(ModelConfig config, DecoderShape shape, ParameterList p, RotarySpec? rotary,
        Func<int, string, Piece> layer, Func<string, Norm> norm, NamedOptions o)
    {
        const string table = "model.embed_tokens.weight";
        var tokens = Tokens(p, table, shape);
        var layers = Repeat(shape, i => layer(i, $"model.layers.{i}"));
        var last = norm(o.LastNorm);
        var head = p.Head(config.Flag("tie_word_embeddings", o.Tied), table, "lm_head", shape.Hidden, shape.Vocab, o.HeadBias);
        return Create(config, shape, p, rotary, ("model.", o.Embed is null ? tokens : (pass, ids) => o.Embed(pass, tokens(pass, ids)), layers, last.Run),
            head with { Scale = o.LogitScale, SoftCap = o.SoftCap });
    }

    /// <summary>Declares and runs a table of token embeddings.</summary>
    internal static Piece Tokens(ParameterList p, string name, DecoderShape shape)
    {
        p.Embedding(name, shape.Vocab, shape.Hidden);
        return (pass, tokens) => pass.Embed(name, tokens);
    }

    /// <summary>Token embeddings plus a table of learned positions.</summary>
    internal static Piece TokensAndPositions(ParameterList p, string tokenTable, string positionTable, DecoderShape shape)
    {
        p.Embedding(tokenTable, shape.Vocab, shape.Hidden);
        p.Embedding(positionTable, shape.Context, shape.Hidden);
        return (pass, tokens) => pass.Embed(tokenTable, tokens) + pass.Embed(positionTable, pass.Positions);
    }

    internal static Piece[] Repeat(DecoderShape shape, Func<int, Piece> layer) => [.. Enumerable.Range(0, shape.Layers).Select(layer)];

    public override Tensor Embed(ForwardPass pass, Tensor tokens) => _embed(pass, tokens);

    public override Tensor Block(ForwardPass pass, int layer, Tensor hidden) => _layers[layer](pass, hidden);

    public override Tensor Final(ForwardPass pass, Tensor hidden) => _final(pass, hidden);
}
