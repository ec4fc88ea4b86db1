namespace FineTuneGrid.Text.Tokenization;

/// <summary>Unicode properties and case folding for translated regular expressions, as parts of a .NET character class.</summary>
internal static class RegexProperties
{
    /// <summary>\w: letters, marks, decimal digits, letter numbers, connectors.</summary>
    public const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}";

    private static readonly HashSet<string> Categories =
    [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn",
    ];

    private static readonly Dictionary<string, string> LongNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = "L",
        ["Mark"] = "M",
        ["Number"] = "N",
        ["Punctuation"] = "P",
        ["Punct"] = "P",
        ["Symbol"] = "S",
        ["Separator"] = "Z",
        ["Digit"] = "Nd",
        ["Upper"] = "Lu",
        ["Lower"] = "Ll",
    };

    // The scripts' ranges below U+10000, from the Unicode character database. U+F900 also stands for Han beyond it.
    private static readonly Dictionary<string, string> Scripts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Han"] = @"\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFA6D\uFA70-\uFAD9",
        ["Hiragana"] = @"\u3041-\u3096\u309D-\u309F",
        ["Katakana"] = @"\u30A1-\u30FA\u30FD-\u30FF\u31F0-\u31FF\u32D0-\u32FE\u3300-\u3357\uFF66-\uFF6F\uFF71-\uFF9D",
        ["Hangul"] = @"\u1100-\u11FF\u302E-\u302F\u3131-\u318E\u3200-\u321E\u3260-\u327E\uA960-\uA97C\uAC00-\uD7A3\uD7B0-\uD7C6\uD7CB-\uD7FB\uFFA0-\uFFBE\uFFC2-\uFFC7\uFFCA-\uFFCF\uFFD2-\uFFD7\uFFDA-\uFFDC",
    };

    public static string? Find(string name, bool negated)
    {
        if (LongNames.TryGetValue(name, out var category))
            name = category;
        if (Categories.Contains(name))
            return negated ? $@"\P{{{name}}}" : $@"\p{{{name}}}";
        return !negated && Scripts.TryGetValue(name, out var ranges) ? ranges : null;
    }

    /// <summary>A character and what Unicode's simple case folding makes equal to it.</summary>
    public static string CaseVariants(char c, bool ignoreCase)
    {
        if (!ignoreCase || !char.IsLetter(c))
            return c.ToString();
        var lower = char.ToLowerInvariant(c);
        var upper = char.ToUpperInvariant(c);
        return lower switch
        {
            's' => "sS\u017F",
            'k' => "kK\u212A",
            _ => lower == upper ? c.ToString() : $"{lower}{upper}",
        };
    }

    public static IEnumerable<(char From, char To)> CaseRanges(char from, char to, bool ignoreCase)
    {
        yield return (from, to);
        if (!ignoreCase)
            yield break;
        for (var c = from; c <= to && c < 'z' + 1; c++)
        {
            foreach (var variant in CaseVariants(c, true))
                yield return (variant, variant);
        }
    }
}
