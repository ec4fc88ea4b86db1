using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Text.Templates;

/// <summary>The filters of Jinja that write text for other formats: URLs, markup, lines of a width, sizes.</summary>
internal static partial class TextFilters
{
    private const string Unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";

    /// <summary>A text quoted for a path; a dict, or a list of pairs, as a query.</summary>
    public static string UrlEncode(object? value, TemplateBudget budget)
    {
        if (value is not List<object?> and not TemplateDict)
            return Quoted(TemplateValues.Print(value), forQuery: false, budget);
        var pairs = value is TemplateDict dict ? dict.Select(p => ((object?)p.Key, p.Value))
            : ((List<object?>)value).Select(item => item is List<object?> { Count: 2 } pair ? (pair[0], pair[1]) : throw TemplateFilters.Unfit("urlencode", item));
        return TemplateFilters.Join([.. pairs.Select(p => Quoted(TemplateValues.Print(p.Item1), true, budget) + "=" + Quoted(TemplateValues.Print(p.Item2), true, budget))], "&", budget);
    }

    /// <summary>Bytes in the largest unit of which there is one.</summary>
    public static string FileSize(object? value, CallArguments arguments)
    {
        var bytes = TemplateValues.AsNumber(value) ?? (value is string text && double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) ? parsed
            : throw TemplateFilters.Unfit("filesizeformat", value));
        var binary = arguments.Flag(0, "binary", false);
        var (step, suffix) = binary ? (1024.0, "iB") : (1000.0, "B");
        if (bytes == 1)
            return "1 Byte";
        if (bytes < step)
            return string.Create(CultureInfo.InvariantCulture, $"{Math.Truncate(bytes):0} Bytes");
        var letters = binary ? "KMGTPEZY" : "kMGTPEZY";
        var (unit, at) = (step * step, 0);
        for (; at < letters.Length - 1 && bytes >= unit; at++)
            unit *= step;
        // The unit above: of the last letter there may be thousands.
        return TemplateFilters.Common(step * bytes / unit, 10).ToString("F1", CultureInfo.InvariantCulture) + " " + letters[at] + suffix;
    }

    /// <summary>Without comments and tags, with single spaces, and entities as the characters that they stand for.</summary>
    public static string StripTags(string text, TemplateBudget budget)
    {
        text = Without(Without(text, "<!--", "-->", budget), "<", ">", budget);
        return WebUtility.HtmlDecode(string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>Lines of at most a width, each line of the text by itself (Python's textwrap.wrap).</summary>
    public static string WordWrap(string text, CallArguments arguments, TemplateBudget budget)
    {
        var width = arguments.Number(0, "width", 79);
        if (width <= 0)
            throw new TemplateException("wordwrap: width must be above 0");
        var wrapper = new TextWrapper((int)Math.Min(width, TemplateBudget.MaximumText), arguments.Flag(1, "break_long_words", true), arguments.Flag(3, "break_on_hyphens", true), budget);
        var separator = arguments.Get(2, "wrapstring", null) is { } given ? TemplateValues.Print(given) : "\n";
        return TemplateFilters.Join(TemplateMethods.Lines(text, keepEnds: false).ConvertAll(line => TemplateFilters.Join(wrapper.Wrap(line), separator, budget)), separator, budget);
    }

    /// <summary>The items of a dict as attributes of an element; those that are none or undefined are left out.</summary>
    public static string XmlAttributes(object? value, CallArguments arguments, TemplateBudget budget)
    {
        if (value is not TemplateDict dict)
            throw TemplateFilters.Unfit("xmlattr", value);
        List<string> written = [];
        foreach (var (key, item) in dict.Where(p => p.Value is not (null or Undefined)))
        {
            var name = TemplateValues.Print(key);
            if (NoAttribute().IsMatch(name))
                throw new TemplateException($"xmlattr: {TemplateValues.Represent(name)} is no name of an attribute");
            written.Add($"{TemplateFilters.Escape(name)}=\"{TemplateFilters.Escape(TemplateValues.Print(item))}\"");
        }
        var all = TemplateFilters.Join(written, " ", budget);
        return all.Length > 0 && arguments.Flag(0, "autospace", true) ? " " + all : all;
    }

    private static string Quoted(string text, bool forQuery, TemplateBudget budget)
    {
        var output = new StringBuilder();
        foreach (var unit in Encoding.UTF8.GetBytes(text))
        {
            if (Unreserved.Contains((char)unit, StringComparison.Ordinal) || (unit == '/' && !forQuery))
                output.Append((char)unit);
            else if (unit == ' ' && forQuery)
                output.Append('+');
            else
                output.Append(CultureInfo.InvariantCulture, $"%{unit:X2}");
        }
        budget.Build(output.Length);
        return output.ToString();
    }

    /// <summary>Every part from the opening to the next closing after it, also those that come about so.</summary>
    private static string Without(string text, string opening, string closing, TemplateBudget budget)
    {
        while (text.IndexOf(opening, StringComparison.Ordinal) is var start and >= 0 && text.IndexOf(closing, start, StringComparison.Ordinal) is var end and >= 0)
        {
            budget.Build(text.Length);
            text = text.Remove(start, end + closing.Length - start);
        }
        return text;
    }

    [GeneratedRegex(@"[\s/>=]")]
    private static partial Regex NoAttribute();
}
