using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>The sizes that every decoder has.</summary>
internal sealed record DecoderShape(int Vocab, int Hidden, int Layers, HeadShape Heads, int Context);

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
    /// <param name="otherActivations">See <see cref="Architecture.OtherActivations"/>.</param>
    internal static Decoder Create(ModelConfig config, DecoderShape shape, ParameterList parameters, RotarySpec? rotary,
        (string Prefix, Piece Embed, Piece[] Layers, Piece Final) body, HeadSpec head, long otherActivations = 0) =>
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
            OtherActivations = otherActivations,
        };

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
