using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace FineTuneGrid.Text.Templates;

/// <summary>
/// The values of templates and their Python behaviour: null (None), bool, long, double, string, lists, tuples, dicts,
/// Undefined, functions, namespaces.
/// </summary>
internal static class TemplateValues
{
    public static object? FromJson(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Null or JsonValueKind.Undefined: return null;
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.String: return element.GetString();
            case JsonValueKind.Number: return element.TryGetInt64(out var whole) && !element.GetRawText().AsSpan().ContainsAny(".eE") ? (object)whole : element.GetDouble();
            case JsonValueKind.Array: return element.EnumerateArray().Select(FromJson).ToList();
            default:
                var dict = new TemplateDict();
                foreach (var property in element.EnumerateObject())
                    dict[property.Name] = FromJson(property.Value);
                return dict;
        }
    }

    public static string TypeName(object? value) => value switch
    {
        null => "None",
        bool => "bool",
        long => "int",
        double => "float",
        string => "str",
        TemplateTuple => "tuple",
        List<object?> => "list",
        TemplateDict => "dict",
        Undefined => "undefined value",
        TemplateFunction => "function",
        TemplateNamespace => "namespace",
        _ => "object",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        ICollection items => items.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (AsNumber(left) is { } a && AsNumber(right) is { } b)
            return left is double || right is double ? a == b : AsWhole(left) == AsWhole(right);
        return (left, right) switch
        {
            (null, null) => true,
            (Undefined, Undefined) => true,
            (string x, string y) => string.Equals(x, y, StringComparison.Ordinal),
            (List<object?> x, List<object?> y) => x is TemplateTuple == y is TemplateTuple && x.Count == y.Count && x.Zip(y).All(p => AreEqual(p.First, p.Second)),
            (TemplateDict x, TemplateDict y) => x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out var other) && AreEqual(p.Value, other)),
            _ => ReferenceEquals(left, right),
        };
    }

    public static int Compare(object? left, object? right)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (AsNumber(left) is { } a && AsNumber(right) is { } b)
            return left is double || right is double ? a.CompareTo(b) : AsWhole(left).CompareTo(AsWhole(right));
        if (left is string x && right is string y)
            return CompareText(x, y);
        if (left is List<object?> p && right is List<object?> q)
        {
            for (var i = 0; i < Math.Min(p.Count, q.Count); i++)
            {
                if (!AreEqual(p[i], q[i]))
                    return Compare(p[i], q[i]);
            }
            return p.Count.CompareTo(q.Count);
        }
        throw left is Undefined u ? u.Error() : right is Undefined v ? v.Error() : new TemplateException($"{TypeName(left)} and {TypeName(right)} cannot be ordered");
    }

    /// <summary>Numbers as Python sees them: a bool is 0 or 1.</summary>
    public static double? AsNumber(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        long number => number,
        double number => number,
        _ => null,
    };

    public static long AsWhole(object? value) => value is bool flag ? (flag ? 1 : 0) : (long)value!;

    /// <summary>The elements that a loop goes through.</summary>
    public static List<object?> Items(object? value) => value switch
    {
        List<object?> list => list,
        TemplateDict dict => [.. dict.Keys],
        string text => [.. text.EnumerateRunes().Select(object? (rune) => rune.ToString())],
        Undefined => [],
        _ => throw new TemplateException($"{TypeName(value)} cannot be gone through"),
    };

    public static long Length(object? value) => value switch
    {
        string text => CodePoints(text),
        ICollection items => items.Count,
        Undefined => 0,
        _ => throw new TemplateException($"{TypeName(value)} has no length"),
    };

    public static long CodePoints(string text) => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0 ? text.Length : text.EnumerateRunes().Count();

    public static bool Contains(object? container, object? item) => container switch
    {
        string text when item is string part => text.Contains(part, StringComparison.Ordinal),
        string => throw new TemplateException($"a {TypeName(item)} cannot be looked for in a string"),
        TemplateDict dict => item is not null && dict.ContainsKey(item),
        List<object?> list => list.Exists(element => AreEqual(element, item)),
        Undefined => false,
        _ => throw new TemplateException($"nothing can be looked for in {TypeName(container)}"),
    };

    /// <summary>str(value): what {{ value }} prints.</summary>
    public static string Print(object? value) => value switch
    {
        string text => text,
        Undefined => "",
        _ => Represent(value),
    };

    /// <summary>repr(value).</summary>
    public static string Represent(object? value)
    {
        var output = new StringBuilder();
        Represent(value, output);
        return output.ToString();
    }

    public static string Real(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        if (value == 0)
            return double.IsNegative(value) ? "-0.0" : "0.0";
        var magnitude = Math.Abs(value);
        if (magnitude is >= 1e-4 and < 1e16)
        {
            var plain = value.ToString("0.################################", CultureInfo.InvariantCulture);
            var exact = value.ToString("R", CultureInfo.InvariantCulture);
            plain = exact.Contains('E', StringComparison.Ordinal) ? plain : exact;
            return plain.Contains('.', StringComparison.Ordinal) ? plain : plain + ".0";
        }
        var scientific = value.ToString("E16", CultureInfo.InvariantCulture);
        for (var digits = 0; digits < 17; digits++)
        {
            scientific = value.ToString("E" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            if (double.Parse(scientific, CultureInfo.InvariantCulture) == value)
                break;
        }
        var cut = scientific.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(scientific.AsSpan(cut + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{scientific[..cut]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
    }

    private static void Represent(object? value, StringBuilder output)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (output.Length > TemplateBudget.MaximumText)
            throw new TemplateException("a value is too long to print");
        switch (value)
        {
            case null: output.Append("None"); break;
            case bool flag: output.Append(flag ? "True" : "False"); break;
            case long number: output.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: output.Append(Real(number)); break;
            case string text: Quote(text, output); break;
            case Undefined: output.Append("Undefined"); break;
            case List<object?> list: List(list, output); break;
            case TemplateDict dict: Dict(dict, output); break;
            default: throw new TemplateException($"a {TypeName(value)} cannot be printed");
        }
    }

    private static void List(List<object?> list, StringBuilder output)
    {
        var tuple = list is TemplateTuple;
        output.Append(tuple ? '(' : '[');
        for (var i = 0; i < list.Count; i++)
        {
            if (i > 0)
                output.Append(", ");
            Represent(list[i], output);
        }
        if (tuple && list.Count == 1)
            output.Append(',');
        output.Append(tuple ? ')' : ']');
    }

    private static void Dict(TemplateDict dict, StringBuilder output)
    {
        output.Append('{');
        var first = true;
        foreach (var (key, item) in dict)
        {
            if (!first)
                output.Append(", ");
            first = false;
            Represent(key, output);
            output.Append(": ");
            Represent(item, output);
        }
        output.Append('}');
    }

    private static void Quote(string text, StringBuilder output)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        output.Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            var code = rune.Value;
            if (code == quote || code == '\\')
                output.Append('\\').Append((char)code);
            else if (code is '\n' or '\r' or '\t')
                output.Append(code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t");
            else if (IsPrintable(rune))
                output.Append(rune.ToString());
            else
                output.Append(code < 0x100 ? $"\\x{code:x2}" : code < 0x10000 ? $"\\u{code:x4}" : $"\\U{code:x8}");
        }
        output.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    // Python orders by code point; UTF-16 order differs from it only where surrogates meet U+E000 and above.
    private static int CompareText(string left, string right)
    {
        var common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
            return left.Length.CompareTo(right.Length);
        var (a, b) = (left[common], right[common]);
        return char.IsSurrogate(a) != char.IsSurrogate(b) ? char.IsSurrogate(a).CompareTo(char.IsSurrogate(b)) : a.CompareTo(b);
    }
}
