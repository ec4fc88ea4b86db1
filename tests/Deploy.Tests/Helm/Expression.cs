using System.Globalization;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Deploy.Helm;

/// <summary>
/// Expressions of templates: fields, constants, calls and pipes, with the functions that the chart uses. A field that does not exist
/// is refused where Helm would write nothing.
/// </summary>
internal sealed partial class Expression
{
    private readonly List<string> _words;
    private readonly Func<string, object?, string> _include;
    private readonly object? _dot;
    private int _next;

    private Expression(string text, object? dot, Func<string, object?, string> include)
    {
        _words = [.. Word().Matches(text).Select(m => m.Value)];
        if (string.Concat(_words).Length != Outside().Replace(text, m => m.Value.StartsWith('"') ? m.Value : "").Length)
            throw new InvalidDataException($"cannot be read: {text}");
        (_dot, _include) = (dot, include);
    }

    public static object? Evaluate(string text, object? dot, Func<string, object?, string> include)
    {
        var expression = new Expression(text, dot, include);
        var value = expression.Pipeline();
        return expression._next == expression._words.Count ? value : throw new InvalidDataException($"more than an expression: {text}");
    }

    /// <summary>Go's truth: neither false, nothing, zero nor empty.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null or false or 0L or "" => false,
        List<object?> list => list.Count > 0,
        Dictionary<string, object?> map => map.Count > 0,
        _ => true,
    };

    public static string Text(object? value) => value switch
    {
        null => "",
        bool b => b ? "true" : "false",
        string or long or double => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        _ => throw new InvalidDataException($"a {value.GetType().Name} as text"),
    };

    private object? Pipeline()
    {
        var value = Command([]);
        while (_next < _words.Count && _words[_next] == "|")
        {
            _next++;
            value = Command([value]);
        }
        return value;
    }

    private object? Command(List<object?> last)
    {
        var first = _words[_next];
        if (!char.IsAsciiLetter(first[0]) || first is "true" or "false")
            return last.Count == 0 ? Operand() : throw new InvalidDataException($"{first} takes nothing from a pipe");
        _next++;
        var arguments = new List<object?>();
        while (_next < _words.Count && _words[_next] is not ("|" or ")")) arguments.Add(Operand());
        return Call(first, [.. arguments, .. last]);
    }

    private object? Operand()
    {
        var word = _words[_next++];
        switch (word[0])
        {
            case '"': return Regex.Unescape(word[1..^1]);
            case '.': return word[1..].Split('.', StringSplitOptions.RemoveEmptyEntries).Aggregate(_dot, (value, key) => Field(value, key, word));
            case '(':
                var value = Pipeline();
                return _words[_next++] == ")" ? value : throw new InvalidDataException("a ) is missing");
            default:
                return word is "true" or "false" ? word == "true" : long.Parse(word, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Below resources a member may be left out; anything else that is named is in values.yaml.</summary>
    private static object? Field(object? value, string key, string path) => value is Dictionary<string, object?> map && map.TryGetValue(key, out var found)
        ? found
        : path.Contains(".resources.", StringComparison.Ordinal) ? null : throw new KeyNotFoundException($"there is no {path}");

    private object? Call(string function, object?[] a) => (function, a) switch
    {
        ("quote", [var x]) => $"\"{Text(x).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
        ("default", [var otherwise, var x]) => IsTrue(x) ? x : otherwise,
        ("not", [var x]) => !IsTrue(x),
        ("or", [var x, var y]) => IsTrue(x) ? x : y,
        ("eq", [var x, var y]) => Equals(x, y),
        ("trunc", [long n, string x]) => x.Length > n ? x[..(int)n] : x,
        ("trimSuffix", [string suffix, string x]) => x.EndsWith(suffix, StringComparison.Ordinal) ? x[..^suffix.Length] : x,
        ("printf", [string format, ..]) => Format(format, a[1..]),
        ("required", [string message, var x]) => x is null or "" ? throw new InvalidOperationException(message) : x,
        ("include", [string name, var dot]) => _include(name, dot),
        ("toYaml", [var x]) => Values.Write(x),
        ("nindent", [long n, string x]) => "\n" + string.Join('\n', x.Split('\n').Select(l => new string(' ', (int)n) + l)),
        _ => throw new InvalidDataException($"{function} with {a.Length} arguments is beyond what this reads"),
    };

    private static string Format(string format, object?[] arguments)
    {
        var next = 0;
        return Regex.Replace(format, "%.", m => m.Value == "%s" ? Text(arguments[next++]) : throw new InvalidDataException($"{m.Value} in {format}"));
    }

    [GeneratedRegex("""
        "([^"\\]|\\.)*"|\.[A-Za-z.]*|[A-Za-z]+|-?[0-9]+|[()|]
        """)]
    private static partial Regex Word();

    [GeneratedRegex("""
        "([^"\\]|\\.)*"|\s+
        """)]
    private static partial Regex Outside();
}
