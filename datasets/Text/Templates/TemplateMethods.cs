using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>The methods of strings, lists and dicts. Those that change their object are not there: values are immutable.</summary>
internal static class TemplateMethods
{
    public static TemplateFunction? Find(object? target, string name, TemplateBudget budget)
    {
        Func<CallArguments, object?>? body = target switch
        {
            string text => OfText(text, name, budget),
            TemplateDict dict => OfDict(dict, name),
            List<object?> list => OfList(list, name),
            _ => null,
        };
        return body is null ? null : new TemplateFunction(name, body);
    }

    private static Func<CallArguments, object?>? OfText(string text, string name, TemplateBudget budget) => name switch
    {
        "upper" => _ => TemplateCase.Upper(text),
        "lower" => _ => TemplateCase.Lower(text),
        "title" => _ => TemplateFilters.TitleCase(text),
        "capitalize" => _ => TemplateFilters.Capitalize(text),
        "strip" => a => Trim(text, a, true, true),
        "lstrip" => a => Trim(text, a, true, false),
        "rstrip" => a => Trim(text, a, false, true),
        "split" => a => Split(text, a, fromRight: false, budget),
        "rsplit" => a => Split(text, a, fromRight: true, budget),
        "splitlines" => a => Lines(text, a.Flag(0, "keepends", false)).ConvertAll(object? (line) => line),
        "partition" => a => text.IndexOf(a.Text(0, "sep"), StringComparison.Ordinal) is var at and >= 0
            ? new TemplateTuple([text[..at], a.Text(0, "sep"), text[(at + a.Text(0, "sep").Length)..]]) : new TemplateTuple([text, "", ""]),
        "rpartition" => a => text.LastIndexOf(a.Text(0, "sep"), StringComparison.Ordinal) is var at and >= 0
            ? new TemplateTuple([text[..at], a.Text(0, "sep"), text[(at + a.Text(0, "sep").Length)..]]) : new TemplateTuple(["", "", text]),
        "swapcase" => _ => string.Concat(text.EnumerateRunes().Select(r => Rune.IsUpper(r) ? Rune.ToLowerInvariant(r) : Rune.ToUpperInvariant(r))),
        "center" => a => TemplatePadding.Center(text, a.Number(0, "width", 0), a.Has(1, "fillchar") ? a.Text(1, "fillchar") : " ", budget),
        "ljust" => a => TemplatePadding.Left(text, a.Number(0, "width", 0), a.Has(1, "fillchar") ? a.Text(1, "fillchar") : " ", budget),
        "rjust" => a => TemplatePadding.Right(text, a.Number(0, "width", 0), a.Has(1, "fillchar") ? a.Text(1, "fillchar") : " ", budget),
        "expandtabs" => a => TemplatePadding.ExpandTabs(text, a.Number(0, "tabsize", 8), budget),
        "startswith" => a => Affix(a, text.StartsWith),
        "endswith" => a => Affix(a, text.EndsWith),
        "removeprefix" => a => a.Text(0, "prefix") is var p && text.StartsWith(p, StringComparison.Ordinal) ? text[p.Length..] : text,
        "removesuffix" => a => a.Text(0, "suffix") is { Length: > 0 } s && text.EndsWith(s, StringComparison.Ordinal) ? text[..^s.Length] : text,
        "replace" => a => TemplateFilters.Replace(text, a.Text(0, "old"), a.Text(1, "new"), a.Number(2, "count", -1), budget),
        "join" => a => TemplateFilters.Join(TemplateValues.Items(a.Get(0, "iterable")).ConvertAll(item => item as string
            ?? throw new TemplateException($"join: the elements must be strings, not {TemplateValues.TypeName(item)}")), text, budget),
        "find" => a => TextIndex(text, text.IndexOf(a.Text(0, "sub"), StringComparison.Ordinal)),
        "rfind" => a => TextIndex(text, text.LastIndexOf(a.Text(0, "sub"), StringComparison.Ordinal)),
        "index" => a => text.IndexOf(a.Text(0, "sub"), StringComparison.Ordinal) is var at and >= 0 ? TextIndex(text, at) : throw new TemplateException("index: the substring is not there"),
        "count" => a => a.Text(0, "sub") is { Length: > 0 } sub ? (text.Split(sub).Length - 1L) : TemplateValues.CodePoints(text) + 1,
        "isdigit" => _ => All(text, rune => Rune.IsDigit(rune)),
        "isnumeric" => _ => All(text, Rune.IsNumber),
        "isalpha" => _ => All(text, Rune.IsLetter),
        "isalnum" => _ => All(text, Rune.IsLetterOrDigit),
        "isspace" => _ => All(text, Rune.IsWhiteSpace),
        "isupper" => _ => text.Any(char.IsLetter) && text.ToUpperInvariant() == text,
        "islower" => _ => text.Any(char.IsLetter) && text.ToLowerInvariant() == text,
        "format" => a => TemplateFormat.Braces(text, a, budget),
        "zfill" => a => text is ['+' or '-', ..] ? text[0] + TemplatePadding.Right(text[1..], a.Number(0, "width", 0) - 1, "0", budget) : TemplatePadding.Right(text, a.Number(0, "width", 0), "0", budget),
        "encode" or "decode" or "translate" or "maketrans" => _ => throw new TemplateException($"str.{name} is not supported"),
        _ => null,
    };

    private static Func<CallArguments, object?>? OfDict(TemplateDict dict, string name) => name switch
    {
        "get" => a => a.Get(0, "key") is { } key && dict.TryGetValue(key, out var value) ? value : a.Get(1, "default", null),
        "items" => _ => dict.Select(object? (p) => new TemplateTuple([p.Key, p.Value])).ToList(),
        "keys" => _ => dict.Keys.Select(object? (key) => key).ToList(),
        "values" => _ => dict.Values.ToList(),
        "copy" => _ => dict,
        "pop" or "update" or "clear" or "setdefault" or "popitem" => _ => throw Immutable("dict", name),
        _ => null,
    };

    private static Func<CallArguments, object?>? OfList(List<object?> list, string name) => name switch
    {
        "index" => a => list.FindIndex(item => TemplateValues.AreEqual(item, a.Get(0, "value"))) is var at and >= 0 ? (long)at : throw new TemplateException("index: the value is not there"),
        "count" => a => (long)list.Count(item => TemplateValues.AreEqual(item, a.Get(0, "value"))),
        "copy" => _ => list,
        "append" or "extend" or "insert" or "pop" or "remove" or "clear" or "sort" or "reverse" => _ => throw Immutable("list", name),
        _ => null,
    };

    private static TemplateException Immutable(string type, string name) =>
        new($"{type}.{name} would change a value, which templates may not; use + or a namespace");

    private static object Affix(CallArguments arguments, Func<string, StringComparison, bool> test) => arguments.Get(0, "prefix") switch
    {
        string affix => test(affix, StringComparison.Ordinal),
        TemplateTuple affixes => affixes.OfType<string>().Any(affix => test(affix, StringComparison.Ordinal)),
        var other => throw new TemplateException($"{arguments.Callee}: the argument must be a string, not {TemplateValues.TypeName(other)}"),
    };

    public static string Trim(string text, CallArguments arguments, bool left, bool right)
    {
        if (arguments.Get(0, "chars", null) is not string chars)
            return left && right ? text.Trim() : left ? text.TrimStart() : text.TrimEnd();
        var set = chars.ToCharArray();
        if (set.Length == 0)
            return text;
        return left && right ? text.Trim(set) : left ? text.TrimStart(set) : text.TrimEnd(set);
    }

    private static List<object?> Split(string text, CallArguments arguments, bool fromRight, TemplateBudget budget)
    {
        var limit = arguments.Number(1, "maxsplit", -1);
        budget.Build(text.Length);
        if (arguments.Get(0, "sep", null) is not string separator)
            return SplitSpace(text, limit, fromRight);
        if (separator.Length == 0)
            throw new TemplateException("split: the separator is empty");
        List<object?> parts = [];
        var rest = text;
        while (limit != 0)
        {
            var at = fromRight ? rest.LastIndexOf(separator, StringComparison.Ordinal) : -1;
            if (!fromRight || at < 0)
                break;
            parts.Insert(0, rest[(at + separator.Length)..]);
            rest = rest[..at];
            limit--;
        }
        if (fromRight)
        {
            parts.Insert(0, rest);
            return parts;
        }
        return [.. limit < 0 ? text.Split(separator) : text.Split(separator, (int)Math.Min(limit, int.MaxValue - 1) + 1)];
    }

    private static List<object?> SplitSpace(string text, long limit, bool fromRight)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (limit < 0 || limit >= words.Length)
            return [.. words];
        if (fromRight)
            throw new TemplateException("rsplit with a limit and no separator is not supported");
        List<object?> parts = [.. words.Take((int)limit)];
        var rest = text.TrimStart();
        for (var i = 0; i < limit; i++)
            rest = rest[words[i].Length..].TrimStart();
        parts.Add(rest);
        return parts;
    }

    /// <summary>Python's str.splitlines.</summary>
    public static List<string> Lines(string text, bool keepEnds)
    {
        List<string> lines = [];
        for (var start = 0; start < text.Length;)
        {
            var end = text.AsSpan(start).IndexOfAny("\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029");
            if (end < 0)
            {
                lines.Add(text[start..]);
                break;
            }
            end += start;
            var next = text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }
        return lines;
    }

    private static object TextIndex(string text, int at) => at < 0 ? -1L : TemplateValues.CodePoints(text[..at]);

    private static object All(string text, Func<Rune, bool> test) => text.Length > 0 && text.EnumerateRunes().All(test);
}
