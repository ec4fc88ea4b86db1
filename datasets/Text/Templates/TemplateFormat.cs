using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>The part of Python's string formatting that templates use: %s %d %f %x %% and {} {0} {name} without a format spec.</summary>
internal static class TemplateFormat
{
    public static string Percent(string format, object? value, TemplateBudget budget)
    {
        var output = new StringBuilder();
        var arguments = value as TemplateTuple ?? new TemplateTuple([value]);
        var next = 0;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                output.Append(format[i]);
                continue;
            }
            var start = ++i;
            while (i < format.Length && (char.IsAsciiDigit(format[i]) || format[i] == '.'))
                i++;
            if (i >= format.Length)
                throw new TemplateException("a % at the end of a format");
            if (format[i] == '%')
            {
                output.Append('%');
                continue;
            }
            if (next >= arguments.Count)
                throw new TemplateException("too few arguments for a format");
            output.Append(One(format[i], format[start..i], arguments[next++]));
        }
        if (next < arguments.Count && value is not TemplateDict)
            throw new TemplateException("too many arguments for a format");
        budget.Build(output.Length);
        return output.ToString();
    }

    public static string Braces(string format, CallArguments arguments, TemplateBudget budget)
    {
        var output = new StringBuilder();
        var next = 0;
        for (var i = 0; i < format.Length; i++)
        {
            var c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                output.Append(c);
                i++;
                continue;
            }
            if (c == '}')
                throw new TemplateException("a single } in a format");
            if (c != '{')
            {
                output.Append(c);
                continue;
            }
            var end = format.IndexOf('}', i);
            if (end < 0)
                throw new TemplateException("a { without } in a format");
            var name = format[(i + 1)..end];
            var index = name.Length == 0 ? next++ : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
            if (index < 0 && !arguments.Named.ContainsKey(name))
                throw new TemplateException($"the format field {{{name}}} is not supported");
            output.Append(TemplateValues.Print(arguments.Get(index < 0 ? int.MaxValue : index, name)));
            budget.Build(output.Length);
            i = end;
        }
        return output.ToString();
    }

    private static string One(char kind, string options, object? value)
    {
        var number = TemplateValues.AsNumber(value);
        switch (kind)
        {
            case 's' when options.Length == 0:
                return TemplateValues.Print(value);
            case 'd' or 'i' when number is { } whole && Width(options) is { } width:
                return ((long)whole).ToString(CultureInfo.InvariantCulture).PadLeft(width, options.StartsWith('0') ? '0' : ' ');
            case 'x' when value is long hex && options.Length == 0:
                return hex.ToString("x", CultureInfo.InvariantCulture);
            case 'f' when number is { } real && (options.Length == 0 || (options[0] == '.' && Width(options[1..]) is <= 20)):
                return real.ToString("F" + (options.Length == 0 ? "6" : options[1..]), CultureInfo.InvariantCulture);
            default:
                throw new TemplateException($"the format %{options}{kind} is not supported for {TemplateValues.TypeName(value)}");
        }
    }

    private static int? Width(string options) =>
        options.Length == 0 ? 0 : int.TryParse(options, NumberStyles.None, CultureInfo.InvariantCulture, out var width) && width <= 1000 ? width : null;
}
