using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>The filter tojson as transformers defines it: Python's json.dumps with ensure_ascii off.</summary>
internal static class TemplateJson
{
    public static string Write(object? value, CallArguments arguments, TemplateBudget budget)
    {
        var indent = arguments.Get(1, "indent", null) switch
        {
            null => null,
            long width => new string(' ', (int)Math.Clamp(width, 0, 64)),
            string text => text,
            var other => throw TemplateFilters.Unfit("tojson indent", other),
        };
        var (item, key) = (indent is null ? ", " : ",", ": ");
        if (arguments.Get(2, "separators", null) is List<object?> { Count: 2 } separators)
            (item, key) = (TemplateValues.Print(separators[0]), TemplateValues.Print(separators[1]));
        var writer = new Writer(new StringBuilder(), arguments.Flag(0, "ensure_ascii", false), indent, item, key, arguments.Flag(3, "sort_keys", false));
        writer.Value(value, 0);
        budget.Build(writer.Output.Length);
        return writer.Output.ToString();
    }

    private sealed record Writer(StringBuilder Output, bool Ascii, string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys)
    {
        public void Value(object? value, int depth)
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            if (Output.Length > TemplateBudget.MaximumText)
                throw new TemplateException("tojson: the value is too long");
            switch (value)
            {
                case null: Output.Append("null"); break;
                case bool flag: Output.Append(flag ? "true" : "false"); break;
                case long number: Output.Append(number.ToString(CultureInfo.InvariantCulture)); break;
                case double number: Output.Append(double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? (number > 0 ? "Infinity" : "-Infinity") : TemplateValues.Real(number)); break;
                case string text: Text(text); break;
                case List<object?> list: Items('[', ']', list.Count, depth, i => Value(list[i], depth + 1)); break;
                case TemplateDict dict: Dict(dict, depth); break;
                case Undefined undefined: throw undefined.Error();
                default: throw TemplateFilters.Unfit("tojson", value);
            }
        }

        private void Dict(TemplateDict dict, int depth)
        {
            var pairs = SortKeys ? [.. dict.OrderBy(p => (object?)p.Key, Comparer<object?>.Create(TemplateValues.Compare))] : dict.ToList();
            Items('{', '}', pairs.Count, depth, i =>
            {
                Text(pairs[i].Key switch
                {
                    string text => text,
                    bool flag => flag ? "true" : "false",
                    var other => TemplateValues.Print(other),
                });
                Output.Append(KeySeparator);
                Value(pairs[i].Value, depth + 1);
            });
        }

        private void Items(char open, char close, int count, int depth, Action<int> write)
        {
            Output.Append(open);
            for (var i = 0; i < count; i++)
            {
                if (i > 0)
                    Output.Append(ItemSeparator);
                NewLine(depth + 1);
                write(i);
            }
            if (count > 0)
                NewLine(depth);
            Output.Append(close);
        }

        private void NewLine(int depth)
        {
            if (Indent is null)
                return;
            Output.Append('\n');
            for (var i = 0; i < depth; i++)
                Output.Append(Indent);
        }

        private void Text(string text)
        {
            Output.Append('"');
            foreach (var unit in text)
            {
                var simple = "\"\\\n\r\t\f\b".IndexOf(unit, StringComparison.Ordinal);
                if (simple >= 0)
                    Output.Append('\\').Append("\"\\nrtfb"[simple]);
                else if (unit < ' ' || (Ascii && unit > '~'))
                    Output.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
                else
                    Output.Append(unit);
            }
            Output.Append('"');
        }
    }
}
