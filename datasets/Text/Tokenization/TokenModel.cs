namespace FineTuneGrid.Text.Tokenization;

/// <summary>A vocabulary and the way to cut a piece into its tokens. Each kind of model (BPE, ...) is one subclass.</summary>
internal abstract class TokenModel
{
    /// <summary>The string of each id, null where the vocabulary has a hole.</summary>
    public abstract IReadOnlyList<string?> Tokens { get; }

    public abstract int? IdOf(string token);

    /// <summary>Adds the tokens of a piece with their source ranges. Must be safe to call from several threads.</summary>
    public abstract void Tokenize(Piece piece, TokenSink sink);
}
