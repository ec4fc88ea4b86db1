namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// The splitting patterns of the well-known byte-level models written out: GPT-2's, and that of cl100k with the digits taken in groups
/// (Llama 3) or one by one (Qwen 2). They give what the regular expression gives, without one. Every character belongs to some word.
/// </summary>
internal sealed class WordSplitter
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

    private readonly bool _isGpt2;
    private readonly int _digits;

    private WordSplitter(bool isGpt2, int digits)
    {
        _isGpt2 = isGpt2;
        _digits = digits;
    }

    /// <summary>The splitter that does what a pattern says; null where there is none but the pattern itself.</summary>
    public static WordSplitter? Of(string pattern)
    {
        if (pattern == ByteLevelPreTokenizer.Pattern)
            return new WordSplitter(true, 0);
        foreach (var digits in (int[])[1, 3])
        {
            var number = digits == 1 ? @"\p{N}" : @"\p{N}{1,3}";
            if (pattern == Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|" + number + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
                return new WordSplitter(false, digits);
        }
        return null;
    }

    /// <summary>The end of the word that begins at an index.</summary>
    public int End(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text, start) is var length and > 0)
            return start + length;
        return _isGpt2 ? Gpt2(text, start) : Cl100k(text, start);
    }

    private static int Gpt2(ReadOnlySpan<char> text, int start)
    {
        var at = start;
        var kind = CharacterClasses.At(text, at, out var units);
        if (text[start] == ' ' && start + 1 < text.Length)
        {
            kind = CharacterClasses.At(text, start + 1, out units);
            at = kind == CharacterClass.Space ? start : start + 1;
        }
        return kind == CharacterClass.Space ? Spaces(text, start, false) : Run(text, at + units, kind);
    }

    private int Cl100k(ReadOnlySpan<char> text, int start)
    {
        var kind = CharacterClasses.At(text, start, out var units);
        var next = start + units;
        if (kind == CharacterClass.Letter)
            return Run(text, next, kind);
        if (kind == CharacterClass.Number)
            return Digits(text, next);
        var following = CharacterClass.Space;
        var followingUnits = 0;
        if (next < text.Length)
            following = CharacterClasses.At(text, next, out followingUnits);
        var isLineEnd = text[start] is '\r' or '\n';
        if (following == CharacterClass.Letter && !isLineEnd)
            return Run(text, next + followingUnits, CharacterClass.Letter);
        if (kind == CharacterClass.Other)
            return LineEnds(text, Run(text, next, kind));
        if (text[start] == ' ' && following == CharacterClass.Other)
            return LineEnds(text, Run(text, next + followingUnits, following));
        return Spaces(text, start, true);
    }

    /// <summary>Length of a contraction such as 'll, 0 where there is none.</summary>
    private int Contraction(ReadOnlySpan<char> text, int start)
    {
        var first = Letter(text, start + 1);
        if (first is 's' or 't' or 'm' or 'd')
            return 2;
        return (first, Letter(text, start + 2)) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    // Folding makes the long s equal to s.
    private char Letter(ReadOnlySpan<char> text, int at)
    {
        if (at >= text.Length)
            return '\0';
        var unit = text[at];
        return _isGpt2 ? unit : unit == '\u017F' ? 's' : unit < 0x80 ? (char)(unit | 0x20) : '\0';
    }

    private static int Run(ReadOnlySpan<char> text, int at, CharacterClass kind)
    {
        while (at < text.Length && CharacterClasses.At(text, at, out var units) == kind)
            at += units;
        return at;
    }

    private int Digits(ReadOnlySpan<char> text, int at)
    {
        for (var count = 1; count < _digits && at < text.Length && CharacterClasses.At(text, at, out var units) == CharacterClass.Number; count++)
            at += units;
        return at;
    }

    private static int LineEnds(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && text[at] is '\r' or '\n')
            at++;
        return at;
    }

    // White space up to its last line end; else all of it but the last before a word; else what there is.
    private static int Spaces(ReadOnlySpan<char> text, int start, bool byLines)
    {
        var end = Run(text, start, CharacterClass.Space);
        if (byLines && text[start..end].LastIndexOfAny('\r', '\n') is var last and >= 0)
            return start + last + 1;
        return end < text.Length && end - start > 1 ? end - 1 : end;
    }
}
