namespace FineTuneGrid.Text.Tokenization;

/// <summary>What becomes of the matches of a splitting pattern.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>A range of a text and whether the pattern matched it.</summary>
internal record struct Match(int Start, int End, bool IsMatch);

/// <summary>Turns matches into pieces.</summary>
internal static class Splitter
{
    /// <param name="piece">The piece that was searched.</param>
    /// <param name="matches">Ranges that cover the piece without gap, relative to the owner's text.</param>
    public static void Split(Piece piece, List<Match> matches, SplitBehavior behavior, bool invert, List<Piece> into)
    {
        if (invert)
        {
            for (var i = 0; i < matches.Count; i++)
                matches[i] = matches[i] with { IsMatch = !matches[i].IsMatch };
        }
        if (behavior == SplitBehavior.MergedWithNext)
        {
            MergeWithNext(piece, matches, into);
            return;
        }
        var previousMatch = false;
        var first = true;
        foreach (var match in matches)
        {
            if (behavior == SplitBehavior.Removed && match.IsMatch)
                continue;
            var merge = !first && behavior switch
            {
                SplitBehavior.Contiguous => match.IsMatch == previousMatch,
                SplitBehavior.MergedWithPrevious => match.IsMatch && !previousMatch,
                _ => false,
            };
            if (merge && into.Count > 0)
                into[^1] = into[^1] with { End = match.End };
            else
                Add(piece, match.Start, match.End, into);
            previousMatch = match.IsMatch;
            first = false;
        }
    }

    private static void MergeWithNext(Piece piece, List<Match> matches, List<Piece> into)
    {
        var mark = into.Count;
        var previousMatch = false;
        for (var i = matches.Count - 1; i >= 0; i--)
        {
            var match = matches[i];
            if (match.IsMatch && !previousMatch && into.Count > mark)
                into[^1] = into[^1] with { Start = match.Start };
            else
                Add(piece, match.Start, match.End, into);
            previousMatch = match.IsMatch;
        }
        into.Reverse(mark, into.Count - mark);
    }

    private static void Add(Piece piece, int start, int end, List<Piece> into)
    {
        if (start < end)
            into.Add(new Piece(piece.Owner, start, end));
    }
}
