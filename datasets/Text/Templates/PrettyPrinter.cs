using System.Text;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Text.Templates;

/// <summary>The filter pprint: Python's pprint.pformat, with lines of 80 characters and sorted keys.</summary>
internal sealed partial class PrettyPrinter
{
    private const int Width = 80;

    private readonly StringBuilder _output = new();
    private readonly TemplateBudget _budget;

    private PrettyPrinter(TemplateBudget budget) => _budget = budget;

    public static string Write(object? value, TemplateBudget budget)
    {
        var printer = new PrettyPrinter(budget);
        printer.Format(Sorted(value, budget), 0, 0, 0);
        return printer._output.ToString();
    }

    /// <param name="indent">Characters before the value on its line.</param>
    /// <param name="allowance">Characters to be left behind it.</param>
    /// <param name="level">Values that it lies in.</param>
    private void Format(object? value, int indent, int allowance, int level)
    {
        var whole = TemplateValues.Represent(value);
        _budget.Step();
        _budget.Build(whole.Length);
        if (TemplateValues.CodePoints(whole) <= Width - indent - allowance)
            _output.Append(whole);
        else if (value is TemplateDict dict)
            Dict(dict, indent, allowance + 1, level + 1);
        else if (value is List<object?> list)
            List(list, indent, allowance, level + 1);
        else if (value is string text)
            Text(text, whole, indent, allowance, level + 1);
        else
            _output.Append(whole);
    }

    private void Dict(TemplateDict dict, int indent, int allowance, int level)
    {
        _output.Append('{');
        var left = dict.Count;
        foreach (var (key, item) in dict)
        {
            var name = TemplateValues.Represent(key);
            _output.Append(name).Append(": ");
            var last = --left == 0;
            Format(item, indent + 1 + (int)TemplateValues.CodePoints(name) + 2, last ? allowance : 1, level);
            if (!last)
                NextLine(",", indent + 1);
        }
        _output.Append('}');
    }

    private void List(List<object?> list, int indent, int allowance, int level)
    {
        var end = list is TemplateTuple ? list.Count == 1 ? ",)" : ")" : "]";
        _output.Append(list is TemplateTuple ? '(' : '[');
        for (var i = 0; i < list.Count; i++)
        {
            if (i > 0)
                NextLine(",", indent + 1);
            Format(list[i], indent + 1, i == list.Count - 1 ? allowance + end.Length : 1, level);
        }
        _output.Append(end);
    }

    /// <summary>A text as adjacent literals, cut at the ends of its lines and, where those are too long, behind white space.</summary>
    private void Text(string text, string whole, int indent, int allowance, int level)
    {
        if (level == 1)
            (indent, allowance) = (indent + 1, allowance + 1);
        var chunks = Chunks(TemplateMethods.Lines(text, keepEnds: true), Width - indent, allowance);
        if (chunks.Count == 1)
        {
            _output.Append(whole);
            return;
        }
        _output.Append(level == 1 ? "(" : "");
        for (var i = 0; i < chunks.Count; i++)
        {
            if (i > 0)
                NextLine("", indent);
            _output.Append(chunks[i]);
        }
        _output.Append(level == 1 ? ")" : "");
    }

    private static List<string> Chunks(IReadOnlyList<string> lines, int width, int allowance)
    {
        List<string> chunks = [];
        for (var i = 0; i < lines.Count; i++)
        {
            var allowed = i == lines.Count - 1 ? width - allowance : width;
            if (Length(lines[i]) <= allowed)
            {
                chunks.Add(TemplateValues.Represent(lines[i]));
                continue;
            }
            var words = Words().Matches(lines[i]);
            var current = "";
            for (var j = 0; j < words.Count; j++)
            {
                var candidate = current + words[j].Value;
                if (Length(candidate) <= (j == words.Count - 1 ? allowed : width))
                {
                    current = candidate;
                    continue;
                }
                if (current.Length > 0)
                    chunks.Add(TemplateValues.Represent(current));
                current = words[j].Value;
            }
            if (current.Length > 0)
                chunks.Add(TemplateValues.Represent(current));
        }
        return chunks;

        static long Length(string part) => TemplateValues.CodePoints(TemplateValues.Represent(part));
    }

    private void NextLine(string before, int indent) => _output.Append(before).Append('\n').Append(' ', indent);

    private static object? Sorted(object? value, TemplateBudget budget)
    {
        budget.Step();
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case TemplateDict dict:
                var sorted = new TemplateDict();
                foreach (var (key, item) in dict.OrderBy(p => p.Key, Comparer<object>.Create(TemplateValues.Compare)))
                    sorted[key] = Sorted(item, budget);
                return sorted;
            case TemplateTuple tuple:
                return new TemplateTuple(tuple.ConvertAll(item => Sorted(item, budget)));
            case List<object?> list:
                return list.ConvertAll(item => Sorted(item, budget));
            default:
                return value;
        }
    }

    [GeneratedRegex(@"\S+\s*|\s+")]
    private static partial Regex Words();
}
