using System.Buffers;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>A token that is found in the text before anything else is done to it.</summary>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>Not within a word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Takes the white space before it along.</summary>
    public bool LeftStrip { get; init; }

    public bool RightStrip { get; init; }

    /// <summary>Looked for in the normalized text instead of the raw one.</summary>
    public bool Normalized { get; init; }

    /// <summary>Left out when decoding without special tokens; ordinary text when special tokens are not to be parsed.</summary>
    public bool Special { get; init; }
}

/// <summary>Finds added tokens: at each position the longest, from left to right, without overlap.</summary>
internal sealed class AddedVocabulary
{
    private readonly Node _root = new();
    private readonly SearchValues<char> _firstUnits;

    /// <param name="tokens">The tokens with the spelling to look for (a normalized token's spelling is normalized).</param>
    public AddedVocabulary(IEnumerable<(string Spelling, AddedToken Token)> tokens)
    {
        foreach (var (spelling, token) in tokens)
        {
            if (spelling.Length == 0)
                continue;
            var node = _root;
            foreach (var unit in spelling)
            {
                if (!node.Next.TryGetValue(unit, out var next))
                    node.Next[unit] = next = new Node();
                node = next;
            }
            node.Token ??= token;
        }
        _firstUnits = SearchValues.Create([.. _root.Next.Keys]);
    }

    /// <summary>Every place where a token is spelt, overlapping ones too; at each position the longest.</summary>
    public IEnumerable<(int Start, int End)> Occurrences(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            var skip = text.AsSpan(at).IndexOfAny(_firstUnits);
            if (skip < 0)
                yield break;
            at += skip;
            if (Longest(text, at) is var (_, end))
                yield return (at, end);
        }
    }

    /// <summary>Calls <paramref name="visit"/> for each part of the text in order: a token's range, or text between (token null).</summary>
    /// <param name="isLiteral">Whether a token found at a range is to be taken for ordinary text.</param>
    public void Split(string text, bool parseSpecial, Action<int, int, AddedToken?> visit, Func<AddedToken, int, int, bool>? isLiteral = null)
    {
        var previous = 0;
        for (var at = 0; at < text.Length;)
        {
            var skip = text.AsSpan(at).IndexOfAny(_firstUnits);
            if (skip < 0)
                break;
            at += skip;
            if (Longest(text, at) is not var (token, end))
            {
                at++;
                continue;
            }
            var start = at;
            if (isLiteral?.Invoke(token, start, end) == true)
            {
                at++;
                continue;
            }
            at = end;
            if ((token.Special && !parseSpecial) || (token.SingleWord && TouchesWord(text, start, end)))
                continue;
            if (token.LeftStrip)
                start = Math.Max(previous, LeftOfSpace(text, start));
            if (token.RightStrip)
                end = RightOfSpace(text, end);
            if (previous < start)
                visit(previous, start, null);
            visit(start, end, token);
            previous = end;
        }
        if (previous < text.Length)
            visit(previous, text.Length, null);
    }

    private (AddedToken Token, int End)? Longest(string text, int at)
    {
        (AddedToken, int)? found = null;
        var node = _root;
        for (var i = at; i < text.Length && node.Next.TryGetValue(text[i], out var next); i++)
        {
            node = next;
            if (node.Token is { } token)
                found = (token, i + 1);
        }
        return found;
    }

    private static bool TouchesWord(string text, int start, int end)
    {
        var before = start > 0 && System.Text.Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out var left, out _) == OperationStatus.Done && Unicode.IsWord(left);
        var after = end < text.Length && Unicode.IsWord(Unicode.At(text, end, out _));
        return before || after;
    }

    private static int LeftOfSpace(string text, int at)
    {
        while (at > 0 && char.IsWhiteSpace(text[at - 1]))
            at--;
        return at;
    }

    private static int RightOfSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
            at++;
        return at;
    }

    private sealed class Node
    {
        public Dictionary<char, Node> Next { get; } = [];

        public AddedToken? Token { get; set; }
    }
}
