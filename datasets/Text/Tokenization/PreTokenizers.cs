using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Cuts a piece into the pieces that the model tokenizes one by one.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Does the same as <see cref="Apply"/> where not null.</summary>
    public virtual WordSplitter? Words => null;

    public abstract void Apply(Piece piece, List<Piece> into);
}

internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> parts) : PreTokenizer
{
    public IReadOnlyList<PreTokenizer> Parts { get; } = parts;

    // A last part that leaves its pieces as they are changes nothing.
    public override WordSplitter? Words => Parts is [var first, ByteLevelPreTokenizer { IsIdentity: true }] ? first.Words : null;

    public override void Apply(Piece piece, List<Piece> into)
    {
        List<Piece> current = [piece];
        List<Piece> next = [];
        foreach (var part in Parts)
        {
            next.Clear();
            foreach (var item in current)
                part.Apply(item, next);
            (current, next) = (next, current);
        }
        into.AddRange(current);
    }
}

/// <summary>Splits by a pattern.</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    // Every character is in a match, so that keeping the matches alone keeps all.
    public override WordSplitter? Words { get; } =
        (behavior == SplitBehavior.Isolated && !invert) || (behavior == SplitBehavior.Removed && invert) ? (pattern as RegexPattern)?.Words : null;

    public override void Apply(Piece piece, List<Piece> into)
    {
        List<Match> matches = [];
        pattern.Find(piece, matches);
        Splitter.Split(piece, matches, behavior, invert, into);
    }
}

/// <summary>Runs of word characters, and runs of what is neither a word character nor white space.</summary>
internal sealed class WhitespacePreTokenizer : PreTokenizer
{
    public override void Apply(Piece piece, List<Piece> into)
    {
        var text = piece.Owner.Text.AsSpan();
        var (start, current) = (piece.Start, 0);
        for (var i = piece.Start; i < piece.End;)
        {
            var rune = Unicode.At(text, i, out var units);
            var kind = Unicode.IsUtsWord(rune) ? 1 : Rune.IsWhiteSpace(rune) ? 0 : 2;
            if (kind != current)
            {
                if (current != 0)
                    into.Add(new Piece(piece.Owner, start, i));
                (start, current) = (i, kind);
            }
            i += units;
        }
        if (current != 0)
            into.Add(new Piece(piece.Owner, start, piece.End));
    }
}

/// <summary>Pieces of so many code points, the last one with what is left.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : PreTokenizer
{
    public override void Apply(Piece piece, List<Piece> into)
    {
        for (var start = piece.Start; start < piece.End;)
        {
            var end = start;
            for (var count = 0; count < length && end < piece.End; count++)
                end += char.IsHighSurrogate(piece.Owner.Text[end]) ? 2 : 1;
            into.Add(new Piece(piece.Owner, start, end));
            start = end;
        }
    }
}

/// <summary>Splits by a property of single code points; each matching code point is a match of its own.</summary>
internal sealed class RunePreTokenizer(Func<Rune, bool> isMatch, SplitBehavior behavior) : PreTokenizer
{
    public override void Apply(Piece piece, List<Piece> into)
    {
        List<Match> matches = [];
        var text = piece.Owner.Text.AsSpan();
        var plain = piece.Start;
        for (var i = piece.Start; i < piece.End;)
        {
            var rune = Unicode.At(text, i, out var units);
            if (isMatch(rune))
            {
                if (plain < i)
                    matches.Add(new Match(plain, i, false));
                matches.Add(new Match(i, i + units, true));
                plain = i + units;
            }
            i += units;
        }
        if (plain < piece.End)
            matches.Add(new Match(plain, piece.End, false));
        Splitter.Split(piece, matches, behavior, invert: false, into);
    }
}

/// <summary>
/// The GPT-2 splitter. Mapping bytes to the byte alphabet is left to a model that knows its pieces are bytes, so that the cache is
/// asked before any mapping is done; where something else looks at the pieces, they are <paramref name="spelt"/> here.
/// </summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, TextPattern? splitter, bool spelt) : PreTokenizer
{
    public const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Whether pieces stay as they are.</summary>
    public bool IsIdentity => !addPrefixSpace && splitter is null && !spelt;

    public override WordSplitter? Words => !addPrefixSpace && !spelt ? (splitter as RegexPattern)?.Words : null;

    public override void Apply(Piece piece, List<Piece> into)
    {
        if (addPrefixSpace && (piece.Length == 0 || piece.Span[0] != ' '))
            piece = Prefix(piece, " ");
        var mark = into.Count;
        if (splitter is null)
        {
            into.Add(piece);
        }
        else
        {
            List<Match> matches = [];
            splitter.Find(piece, matches);
            Splitter.Split(piece, matches, SplitBehavior.Isolated, invert: false, into);
        }
        for (var i = mark; spelt && i < into.Count; i++)
            into[i] = ByteLevelNormalizer.Spell(into[i]);
    }

    public static Piece Prefix(Piece piece, string prefix)
    {
        var at = piece.Owner.SourceRange(piece.Start, piece.Start).Start;
        var builder = new AlignedText.Builder(at, piece.Length + prefix.Length);
        builder.Append(prefix, at, at);
        builder.Append(piece.Owner, piece.Start, piece.End);
        return Piece.All(builder.Build());
    }
}

internal enum PrependScheme
{
    Never,
    First,
    Always,
}

/// <summary>SentencePiece's way of marking spaces: a visible character instead of the space, and one at the start.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    public override void Apply(Piece piece, List<Piece> into)
    {
        var changed = Replace(piece);
        var prepend = scheme == PrependScheme.Always || (scheme == PrependScheme.First && piece.Owner.SourceRange(piece.Start, piece.End).Start == 0);
        if (prepend && (changed.Length == 0 || changed.Span[0] != replacement))
            changed = ByteLevelPreTokenizer.Prefix(changed, replacement.ToString());
        if (!split)
        {
            into.Add(changed);
            return;
        }
        new RunePreTokenizer(rune => rune.Value == replacement, SplitBehavior.MergedWithNext).Apply(changed, into);
    }

    private Piece Replace(Piece piece)
    {
        if (!piece.Span.Contains(' '))
            return piece;
        var builder = new AlignedText.Builder(piece.Owner.StartOf(piece.Start), piece.Length);
        for (var i = piece.Start; i < piece.End; i++)
        {
            var unit = piece.Owner.Text[i];
            builder.Append(unit == ' ' ? replacement : unit, piece.Owner.StartOf(i), piece.Owner.EndOf(i));
        }
        return Piece.All(builder.Build());
    }
}
