using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Finds a pattern in a piece and reports the whole piece as matched and unmatched ranges, in order, without gap.</summary>
internal abstract class TextPattern
{
    public abstract void Find(Piece piece, List<Match> matches);

    protected static void Add(List<Match> matches, ref int previous, int start, int end)
    {
        if (previous < start)
            matches.Add(new Match(previous, start, false));
        if (start < end)
            matches.Add(new Match(start, end, true));
        previous = end;
    }
}

/// <summary>An exact string.</summary>
internal sealed class LiteralPattern(string literal) : TextPattern
{
    public override void Find(Piece piece, List<Match> matches)
    {
        var previous = piece.Start;
        var text = piece.Owner.Text;
        while (previous < piece.End)
        {
            var at = text.IndexOf(literal, previous, piece.End - previous, StringComparison.Ordinal);
            if (at < 0)
                break;
            Add(matches, ref previous, at, at + literal.Length);
        }
        Add(matches, ref previous, piece.End, piece.End);
    }
}

/// <summary>
/// A regular expression over code points. .NET matches UTF-16 units, so a text with surrogate pairs is matched through a
/// stand-in where each pair is one character of the same general category.
/// </summary>
internal sealed class RegexPattern : TextPattern
{
    // A pattern of a published tokenizer needs microseconds per match; one that needs a second is hostile.
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);

    private readonly Regex _regex;
    private readonly string _field;

    public RegexPattern(string pattern, string field)
    {
        _field = field;
        Words = WordSplitter.Of(pattern);
        try
        {
            _regex = new Regex(RegexTranslator.Translate(pattern, field), RegexOptions.Compiled | RegexOptions.CultureInvariant, MatchTimeout);
        }
        catch (ArgumentException problem)
        {
            throw new GridException(ErrorCodes.InvalidTokenizer, $"{field}: the regular expression cannot be read: {problem.Message}", field, problem);
        }
    }

    /// <summary>The same written out, where it is a well-known pattern.</summary>
    public WordSplitter? Words { get; }

    public override void Find(Piece piece, List<Match> matches)
    {
        try
        {
            var previous = piece.Start;
            if (piece.Span.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            {
                foreach (var match in _regex.EnumerateMatches(piece.Span))
                    Add(matches, ref previous, piece.Start + match.Index, piece.Start + match.Index + match.Length);
            }
            else
            {
                var view = CodePointView.Of(piece.Span);
                foreach (var match in _regex.EnumerateMatches(view.Units))
                    Add(matches, ref previous, piece.Start + view.Positions[match.Index], piece.Start + view.Positions[match.Index + match.Length]);
            }
            Add(matches, ref previous, piece.End, piece.End);
        }
        catch (RegexMatchTimeoutException problem)
        {
            throw new GridException(ErrorCodes.InvalidTokenizer,
                $"{_field}: the regular expression took more than {MatchTimeout.TotalSeconds:0} s on one text; use the pattern as its model published it.", _field, problem);
        }
    }
}
