using System.Globalization;

namespace FineTuneGrid.Text.Templates;

/// <summary>The functions that a template can always call. Nothing here reaches outside the given values.</summary>
internal static class TemplateGlobals
{
    /// <summary>Memory of a number in a list, in units of text.</summary>
    private const long UnitsOfNumber = 16;

    private const int LongestRange = 100_000;

    public static void Define(TemplateScope scope, DateTime date)
    {
        scope["range"] = new TemplateFunction("range", a => Range(a, scope.Run.Budget));
        scope["dict"] = new TemplateFunction("dict", Dict);
        scope["namespace"] = new TemplateFunction("namespace", a => new TemplateNamespace(Dict(a)));
        scope["raise_exception"] = new TemplateFunction("raise_exception", a => throw new TemplateException(TemplateValues.Print(a.Get(0, "message"))) { Raised = true });
        scope["strftime_now"] = new TemplateFunction("strftime_now", a => Format(date, a.Text(0, "format")));
    }

    private static object Range(CallArguments arguments, TemplateBudget budget)
    {
        var one = !arguments.Has(1, "stop");
        var start = one ? 0 : arguments.Number(0, "start", 0);
        var stop = one ? arguments.Number(0, "stop", 0) : arguments.Number(1, "stop", 0);
        var step = arguments.Number(2, "step", 1);
        if (step == 0)
            throw new TemplateException("range: a step of 0");
        List<object?> values = [];
        for (var i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            values.Add(i);
            if (values.Count > LongestRange)
                throw new TemplateException($"range: more than {LongestRange} numbers");
        }
        budget.Build(UnitsOfNumber * values.Count);
        return values;
    }

    private static TemplateDict Dict(CallArguments arguments)
    {
        var dict = new TemplateDict();
        if (arguments.Positional.Count > 0)
        {
            if (arguments.Positional[0] is TemplateDict given)
            {
                foreach (var (key, value) in given)
                    dict[key] = value;
            }
            else
            {
                foreach (var pair in TemplateValues.Items(arguments.Positional[0]))
                {
                    if (TemplateValues.Items(pair) is not [{ } key, var value])
                        throw new TemplateException("dict needs pairs");
                    dict[key] = value;
                }
            }
        }
        foreach (var (name, value) in arguments.Named)
            dict[name] = value;
        return dict;
    }

    private static string Format(DateTime date, string format)
    {
        var output = new System.Text.StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                output.Append(format[i]);
                continue;
            }
            var unpadded = format[++i] == '-' && i + 1 < format.Length;
            var text = Part(date, unpadded ? format[++i] : format[i]);
            output.Append(unpadded ? text.TrimStart('0') : text);
        }
        return output.ToString();
    }

    private static string Part(DateTime date, char kind) => kind == '%' ? "%" : date.ToString(kind switch
    {
        'Y' => "yyyy",
        'y' => "yy",
        'm' => "MM",
        'd' => "dd",
        'B' => "MMMM",
        'b' => "MMM",
        'A' => "dddd",
        'a' => "ddd",
        'H' => "HH",
        'I' => "hh",
        'M' => "mm",
        'S' => "ss",
        'p' => "tt",
        _ => throw new TemplateException($"strftime_now: %{kind} is not supported"),
    }, CultureInfo.InvariantCulture);
}
