using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>
/// The part of Python's string formatting that templates use: %s %d %f %x %% with flags, width and precision; {} {0} {name} with a
/// conversion (!r) and a spec of fill, alignment, width, precision and the types s, d, f.
/// </summary>
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
            while (i < format.Length && (char.IsAsciiDigit(format[i]) || format[i] is '.' or '-' or '+'))
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
            output.Append(Field(format[(i + 1)..end], arguments, ref next));
            budget.Build(output.Length);
            i = end;
        }
        return output.ToString();
    }

    private static string Field(string field, CallArguments arguments, ref int next)
    {
        var colon = field.IndexOf(':');
        var spec = colon < 0 ? "" : field[(colon + 1)..];
        var name = colon < 0 ? field : field[..colon];
        var represent = name.EndsWith("!r", StringComparison.Ordinal);
        name = represent || name.EndsWith("!s", StringComparison.Ordinal) ? name[..^2] : name;
        var index = name.Length == 0 ? next++ : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        if (index < 0 && !arguments.Named.ContainsKey(name))
            throw new TemplateException($"the format field {{{name}}} is not supported");
        var value = arguments.Get(index < 0 ? int.MaxValue : index, name);
        if (represent)
            value = TemplateValues.Represent(value);
        return spec.Length == 0 ? TemplateValues.Print(value) : Aligned(spec, value);
    }

    private static string Aligned(string spec, object? value)
    {
        var (at, fill, align) = (0, ' ', TemplateValues.AsNumber(value) is null ? '<' : '>');
        if (spec.Length > 1 && spec[1] is '<' or '>' or '^')
            (fill, align, at) = (spec[0], spec[1], 2);
        else if (spec[0] is '<' or '>' or '^')
            (align, at) = (spec[0], 1);
        var kind = char.IsAsciiLetter(spec[^1]) ? spec[^1] : TemplateValues.AsNumber(value) is null ? 's' : value is double ? 'f' : 'd';
        var end = char.IsAsciiLetter(spec[^1]) ? spec.Length - 1 : spec.Length;
        var point = spec.IndexOf('.', at);
        var digits = spec[at..(point < 0 ? end : point)];
        if (digits.StartsWith('0') && at == 0)
            (fill, align) = ('0', '>');
        if (Width(digits) is not { } width || (value is double && point < 0 && !char.IsAsciiLetter(spec[^1])))
            throw Unsupported($"{{:{spec}}}", value);
        var text = One(kind, point < 0 ? "" : spec[point..end], value);
        return align switch
        {
            '<' => text.PadRight(width, fill),
            '>' => text.PadLeft(width, fill),
            _ => text.PadLeft(text.Length + (Math.Max(0, width - text.Length) / 2), fill).PadRight(width, fill),
        };
    }

    /// <param name="options">Flags, width and precision, as in <c>-8.2</c>.</param>
    private static string One(char kind, string options, object? value)
    {
        var widthStart = 0;
        while (widthStart < options.Length && options[widthStart] is '-' or '+' or '0')
            widthStart++;
        var flags = options[..widthStart];
        var point = options.IndexOf('.', widthStart);
        var precision = point < 0 ? null : Width(options[(point + 1)..]);
        if (Width(options[widthStart..(point < 0 ? options.Length : point)]) is not { } width || (point >= 0 && precision is not <= 100))
            throw Unsupported("%" + options + kind, value);
        var number = TemplateValues.AsNumber(value);
        var text = kind switch
        {
            's' => TemplateValues.Print(value) is var all && precision < all.Length ? all[..precision.Value] : all,
            'd' or 'i' when number is { } whole && precision is null => ((long)whole).ToString(CultureInfo.InvariantCulture),
            'x' when value is long hex && precision is null => hex < 0 ? "-" + (-hex).ToString("x", CultureInfo.InvariantCulture) : hex.ToString("x", CultureInfo.InvariantCulture),
            'f' when number is { } real => real.ToString("F" + (precision ?? 6).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            _ => throw Unsupported("%" + options + kind, value),
        };
        var sign = kind != 's' && text[0] == '-' ? "-" : kind != 's' && flags.Contains('+') ? "+" : "";
        var body = sign == "-" ? text[1..] : text;
        if (flags.Contains('-'))
            return (sign + body).PadRight(width);
        return flags.Contains('0') && kind != 's' ? sign + body.PadLeft(Math.Max(0, width - sign.Length), '0') : (sign + body).PadLeft(width);
    }

    private static TemplateException Unsupported(string format, object? value) =>
        new($"the format {format} is not supported for {TemplateValues.TypeName(value)}");

    private static int? Width(string options) =>
        options.Length == 0 ? 0 : int.TryParse(options, NumberStyles.None, CultureInfo.InvariantCulture, out var width) && width <= 1000 ? width : null;
}
