using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>The filters of Jinja that work on values; those that take other filters or tests are in <see cref="SequenceFilters"/>.</summary>
internal static class TemplateFilters
{
    private delegate object? Filter(object? value, CallArguments arguments, TemplateBudget budget);

    private static readonly Dictionary<string, Filter> Filters = new(StringComparer.Ordinal)
    {
        ["abs"] = (v, _, _) => v is double d ? (object)Math.Abs(d) : Math.Abs(ToInteger(v, 0)),
        ["attr"] = (v, a, b) => v is Undefined undefined ? throw undefined.Error() : (object?)TemplateMethods.Find(v, a.Text(0, "name"), b) ?? new Undefined(a.Text(0, "name")),
        ["capitalize"] = (v, _, _) => Capitalize(TemplateValues.Print(v)),
        ["center"] = (v, a, b) => TemplatePadding.Center(TemplateValues.Print(v), a.Number(0, "width", 80), " ", b),
        ["count"] = (v, _, _) => TemplateValues.Length(v),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = (v, a, _) => DictSort(v, a),
        ["e"] = (v, _, _) => Escape(TemplateValues.Print(v)),
        ["escape"] = (v, _, _) => Escape(TemplateValues.Print(v)),
        ["filesizeformat"] = (v, a, _) => TextFilters.FileSize(v, a),
        ["float"] = (v, a, _) => ToReal(v, a.Get(0, "default", 0.0)),
        ["forceescape"] = (v, _, _) => Escape(TemplateValues.Print(v)),
        ["format"] = (v, a, b) => TemplateFormat.Percent(TemplateValues.Print(v), new TemplateTuple(a.Positional), b),
        ["indent"] = (v, a, b) => Indent(TemplateValues.Print(v), a, b),
        ["int"] = (v, a, _) => ToInteger(v, a.Number(0, "default", 0)),
        ["items"] = (v, _, _) => v is Undefined ? [] : v is TemplateDict dict ? dict.Select(object? (p) => new TemplateTuple([p.Key, p.Value])).ToList() : throw Unfit("items", v),
        ["length"] = (v, _, _) => TemplateValues.Length(v),
        ["lower"] = (v, _, _) => TemplateCase.Lower(TemplateValues.Print(v)),
        ["pprint"] = (v, _, b) => PrettyPrinter.Write(v, b),
        ["replace"] = (v, a, b) => Replace(TemplateValues.Print(v), TemplateValues.Print(a.Get(0, "old")), TemplateValues.Print(a.Get(1, "new")), a.Number(2, "count", -1), b),
        ["round"] = (v, a, _) => Round(v, a),
        ["safe"] = (v, _, _) => TemplateValues.Print(v),
        ["string"] = (v, _, _) => TemplateValues.Print(v),
        ["striptags"] = (v, _, b) => TextFilters.StripTags(TemplateValues.Print(v), b),
        ["title"] = (v, _, _) => TitleCase(TemplateValues.Print(v)),
        ["tojson"] = (v, a, b) => TemplateJson.Write(v, a, b),
        ["trim"] = (v, a, _) => TemplateMethods.Trim(TemplateValues.Print(v), a, true, true),
        ["truncate"] = (v, a, _) => Truncate(TemplateValues.Print(v), a),
        ["upper"] = (v, _, _) => TemplateCase.Upper(TemplateValues.Print(v)),
        ["urlencode"] = (v, _, b) => TextFilters.UrlEncode(v, b),
        ["wordcount"] = (v, _, _) => (long)TemplateValues.Print(v).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length,
        ["wordwrap"] = (v, a, b) => TextFilters.WordWrap(TemplateValues.Print(v), a, b),
        ["xmlattr"] = (v, a, b) => TextFilters.XmlAttributes(v, a, b),
    };

    public static bool Exists(string name) => Filters.ContainsKey(name) || SequenceFilters.Exists(name);

    public static object? Apply(string name, object? value, CallArguments arguments, TemplateBudget budget) =>
        Filters.TryGetValue(name, out var filter) ? filter(value, arguments, budget) : SequenceFilters.Apply(name, value, arguments, budget);

    public static string Replace(string text, string old, string replacement, long count, TemplateBudget budget)
    {
        if (count == 0)
            return text;
        var output = new StringBuilder();
        var from = 0;
        for (var done = 0L; count < 0 || done < count; done++)
        {
            // An empty pattern matches before every character and at the end.
            var at = old.Length > 0 ? text.IndexOf(old, from, StringComparison.Ordinal) : done == 0 ? 0 : from < text.Length ? from + 1 : -1;
            if (at < 0)
                break;
            output.Append(text, from, at - from).Append(replacement);
            from = at + old.Length;
            if (output.Length > TemplateBudget.MaximumText)
                budget.Build(output.Length);
        }
        output.Append(text, from, text.Length - from);
        budget.Build(output.Length);
        return output.ToString();
    }

    public static string Join(List<string> parts, string separator, TemplateBudget budget)
    {
        budget.Build(parts.Sum(p => (long)p.Length) + ((long)separator.Length * parts.Count));
        return string.Join(separator, parts);
    }

    public static string Capitalize(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    public static string TitleCase(string text)
    {
        var units = text.ToLowerInvariant().ToCharArray();
        for (var i = 0; i < units.Length; i++)
        {
            if (i == 0 || !(char.IsLetter(units[i - 1]) || units[i - 1] == '\''))
                units[i] = char.ToUpperInvariant(units[i]);
        }
        return new string(units);
    }

    private static object? Default(object? value, CallArguments arguments, TemplateBudget budget) =>
        value is Undefined || (arguments.Flag(1, "boolean", false) && !TemplateValues.IsTrue(value)) ? arguments.Get(0, "default_value", "") : value;

    private static List<object?> DictSort(object? value, CallArguments arguments)
    {
        if (value is not TemplateDict dict)
            throw Unfit("dictsort", value);
        var byValue = arguments.Get(1, "by", "key") is "value";
        var sensitive = arguments.Flag(0, "case_sensitive", false);
        var sorted = dict.Order(Comparer<KeyValuePair<object, object?>>.Create((a, b) =>
            TemplateValues.Compare(Fold(byValue ? a.Value : a.Key, sensitive), Fold(byValue ? b.Value : b.Key, sensitive))));
        var pairs = sorted.Select(object? (p) => new TemplateTuple([p.Key, p.Value])).ToList();
        if (arguments.Flag(2, "reverse", false))
            pairs.Reverse();
        return pairs;
    }

    public static object? Fold(object? value, bool caseSensitive) => !caseSensitive && value is string text ? text.ToLowerInvariant() : value;

    public static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);

    private static double ToReal(object? value, object? fallback) => value switch
    {
        string text when double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => TemplateValues.AsNumber(value) ?? TemplateValues.AsNumber(fallback) ?? 0,
    };

    private static long ToInteger(object? value, long fallback) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        double number when Math.Abs(number) < 9e18 => (long)number,
        string text when long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        string text when double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < 9e18 => (long)number,
        _ => fallback,
    };

    private static string Indent(string text, CallArguments arguments, TemplateBudget budget)
    {
        var width = arguments.Get(0, "width", 4L) is string given ? given : new string(' ', (int)Math.Clamp(arguments.Number(0, "width", 4), 0, 1000));
        var blank = arguments.Flag(2, "blank", false);
        var lines = text.Split('\n');
        budget.Build(text.Length + ((long)width.Length * lines.Length));
        var output = string.Join('\n', lines.Select((line, i) => i == 0 || (line.Length == 0 && !blank) ? line : width + line));
        return arguments.Flag(1, "first", false) ? width + output : output;
    }

    private static string Truncate(string text, CallArguments arguments)
    {
        var length = arguments.Number(0, "length", 255);
        var end = TemplateValues.Print(arguments.Get(2, "end", "..."));
        var runes = text.EnumerateRunes().ToList();
        if (runes.Count <= length + arguments.Number(3, "leeway", 5))
            return text;
        if (length < TemplateValues.CodePoints(end))
            throw new TemplateException("truncate: the length is less than that of the end");
        var kept = string.Concat(runes.Take((int)(length - TemplateValues.CodePoints(end))));
        if (!arguments.Flag(1, "killwords", false) && kept.LastIndexOf(' ') is var at and >= 0)
            kept = kept[..at];
        return kept + end;
    }

    private static double Round(object? value, CallArguments arguments)
    {
        var number = TemplateValues.AsNumber(value) ?? throw Unfit("round", value);
        var scale = Math.Pow(10, Math.Clamp(arguments.Number(0, "precision", 0), -15, 15));
        return arguments.Get(1, "method", "common") switch
        {
            "common" => scale >= 1 ? Common(number, scale) : Math.Round(number * scale, MidpointRounding.ToEven) / scale,
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            var other => throw new TemplateException($"round: unknown method {TemplateValues.Represent(other)}"),
        };
    }

    // By the number's exact value: 2.675 is a little less than it looks. Ties go to the even digit.
    public static double Common(double number, double scale)
    {
        var scaled = number * scale;
        var isTie = Math.FusedMultiplyAdd(number, scale, -scaled) == 0 && Math.Abs(scaled - Math.Truncate(scaled)) == 0.5;
        var digits = (int)Math.Round(Math.Log10(scale));
        return isTie
            ? Math.Round(scaled, MidpointRounding.ToEven) / scale
            : double.Parse(number.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    public static TemplateException Unfit(string filter, object? value) =>
        value is Undefined undefined ? undefined.Error() : new TemplateException($"the filter {filter} does not take a {TemplateValues.TypeName(value)}");
}
