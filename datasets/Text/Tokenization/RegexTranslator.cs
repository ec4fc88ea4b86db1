using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// Translates the Oniguruma dialect of tokenizer.json into .NET's: possessive quantifiers become atomic groups, classes that
/// exclude by intersection become subtraction, case-insensitive groups become explicit classes (Unicode folding, not culture),
/// captures become groups. What cannot be said exactly is refused by name.
/// </summary>
internal sealed class RegexTranslator
{
    private const int MaximumLength = 16 << 10;
    private const int MaximumDepth = 64;

    private readonly string _source;
    private readonly string _field;
    private readonly StringBuilder _output = new();
    private int _at;
    private bool _ignoreCase;

    private RegexTranslator(string source, string field)
    {
        _source = source;
        _field = field;
    }

    public static string Translate(string pattern, string field)
    {
        var translator = new RegexTranslator(pattern, field);
        if (pattern.Length > MaximumLength)
            throw translator.Unsupported($"a pattern of more than {MaximumLength} characters");
        if (pattern.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0)
            throw translator.Unsupported("characters beyond U+FFFF in a pattern");
        translator.Alternatives(0);
        if (translator._at < pattern.Length)
            throw translator.Unsupported("an unmatched )");
        return translator._output.ToString();
    }

    private void Alternatives(int depth)
    {
        if (depth > MaximumDepth)
            throw Unsupported($"groups nested deeper than {MaximumDepth}");
        while (_at < _source.Length && _source[_at] != ')')
        {
            if (_source[_at] == '|')
            {
                _output.Append('|');
                _at++;
                continue;
            }
            var start = _output.Length;
            Atom(depth);
            Quantifier(start);
        }
    }

    private void Atom(int depth)
    {
        var c = _source[_at++];
        switch (c)
        {
            case '(': Group(depth); break;
            case '[': _output.Append(Class()); break;
            case '\\': Escape(); break;
            case '.': _output.Append(@"[^\n]"); break;
            case '^': _output.Append("(?m:^)"); break;
            case '$': _output.Append("(?m:$)"); break;
            case '*' or '+' or '?': throw Unsupported($"a quantifier {c} with nothing before it");
            default: Literal(c); break;
        }
    }

    private void Group(int depth)
    {
        var saved = _ignoreCase;
        if (Take("?#"))
        {
            while (_at < _source.Length && _source[_at] != ')')
                _at++;
            Expect(')');
            return;
        }
        if (Take("?:")) _output.Append("(?:");
        else if (Take("?=")) _output.Append("(?=");
        else if (Take("?!")) _output.Append("(?!");
        else if (Take("?<=")) _output.Append("(?<=");
        else if (Take("?<!")) _output.Append("(?<!");
        else if (Take("?>")) _output.Append("(?>");
        else if (Take("?i:")) { _output.Append("(?:"); _ignoreCase = true; }
        else if (Take("?i)")) { _ignoreCase = true; return; }
        else if (_at < _source.Length && _source[_at] == '?') throw Unsupported("the group " + _source.AsSpan(_at - 1, Math.Min(5, _source.Length - _at + 1)).ToString());
        else _output.Append("(?:");
        Alternatives(depth + 1);
        Expect(')');
        _output.Append(')');
        _ignoreCase = saved;
    }

    private void Quantifier(int start)
    {
        if (_at >= _source.Length)
            return;
        var counted = false;
        if (_source[_at] is '*' or '+' or '?')
        {
            _output.Append(_source[_at++]);
        }
        else if (_source[_at] == '{' && CountedLength() is var length and > 0)
        {
            _output.Append(_source, _at, length);
            _at += length;
            counted = true;
        }
        else
        {
            return;
        }
        if (_at >= _source.Length)
            return;
        if (_source[_at] == '?')
        {
            _output.Append('?');
            _at++;
        }
        else if (_source[_at] == '+')
        {
            if (counted)
                throw Unsupported("{n,m}+");
            _output.Insert(start, "(?>").Append(')');
            _at++;
        }
    }

    private int CountedLength()
    {
        var end = _source.IndexOf('}', _at);
        if (end < 0)
            return 0;
        var parts = _source[(_at + 1)..end].Split(',');
        var counts = parts.Length is 1 or 2 && parts[0].Length is > 0 and < 5 && parts.All(p => p.Length < 5 && p.All(char.IsAsciiDigit));
        return counts ? end - _at + 1 : 0;
    }

    private void Escape()
    {
        var c = Next();
        switch (c)
        {
            case 'd' or 'D' or 's' or 'S': _output.Append('\\').Append(c); break;
            case 'w': _output.Append('[').Append(RegexProperties.Word).Append(']'); break;
            case 'W': _output.Append("[^").Append(RegexProperties.Word).Append(']'); break;
            case 'h': _output.Append("[0-9a-fA-F]"); break;
            case 'H': _output.Append("[^0-9a-fA-F]"); break;
            case 'b' or 'B' or 'A' or 'z' or 'Z' or 'G': _output.Append('\\').Append(c); break;
            case 'p' or 'P': _output.Append('[').Append(Property(c == 'P')).Append(']'); break;
            default: Literal(EscapedLiteral(c)); break;
        }
    }

    private char EscapedLiteral(char c) => c switch
    {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'f' => '\f',
        'v' => '\v',
        'a' => '\a',
        'e' => '\u001B',
        'x' => HexEscape(),
        'u' => Hex(4),
        _ when char.IsAsciiLetterOrDigit(c) => throw Unsupported($"the escape \\{c}"),
        _ => c,
    };

    private char HexEscape()
    {
        if (!Take("{"))
            return Hex(2);
        var end = _source.IndexOf('}', _at);
        if (end < 0 || end - _at is 0 or > 4)
            throw Unsupported("\\x{...} beyond U+FFFF");
        var value = Hex(end - _at);
        _at++;
        return value;
    }

    private char Hex(int digits)
    {
        if (_at + digits > _source.Length || !ushort.TryParse(_source.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            throw Unsupported("a hexadecimal escape without its digits");
        _at += digits;
        return (char)value;
    }

    /// <summary>The inside of a class for a property, never negated by itself unless the category form allows it.</summary>
    private string Property(bool negated)
    {
        Expect('{');
        negated ^= Take("^");
        var end = _source.IndexOf('}', _at);
        if (end < 0)
            throw Unsupported("\\p without }");
        var name = _source[_at..end];
        _at = end + 1;
        return RegexProperties.Find(name, negated) ?? throw Unsupported($"\\p{{{name}}}");
    }

    private string Class()
    {
        var output = new StringBuilder("[");
        var negated = Take("^");
        if (negated)
            output.Append('^');
        for (var first = true; ; first = false)
        {
            var c = Next();
            if (c == ']' && !first)
                return output.Append(']').ToString();
            if (c == '&' && Take("&"))
            {
                if (negated || !Take("[^"))
                    throw Unsupported("a class intersection other than &&[^...]");
                _at -= 1;
                var excluded = Class();
                Expect(']');
                return output.Append("-[").Append(excluded.AsSpan(2)).Append(']').ToString();
            }
            if (c == '[')
                Nested(output);
            else
                ClassItem(c, output);
        }
    }

    // A class within a class adds its members.
    private void Nested(StringBuilder output)
    {
        if (_at < _source.Length && _source[_at] is '^' or ':')
            throw Unsupported("a negated or named class within a class");
        for (var c = Next(); c != ']'; c = Next())
        {
            if (c == '[' || (c == '&' && Take("&")))
                throw Unsupported("a class within a class within a class, or an intersection there");
            ClassItem(c, output);
        }
    }

    private void ClassItem(char c, StringBuilder output)
    {
        if (c == '\\')
        {
            var escape = Next();
            if (escape is 'd' or 'D' or 's' or 'S') { output.Append('\\').Append(escape); return; }
            if (escape == 'w') { output.Append(RegexProperties.Word); return; }
            if (escape == 'h') { output.Append("0-9a-fA-F"); return; }
            if (escape is 'p' or 'P') { output.Append(Property(escape == 'P')); return; }
            c = escape == 'b' ? '\b' : EscapedLiteral(escape);
        }
        if (_at + 1 >= _source.Length || _source[_at] != '-' || _source[_at + 1] == ']')
        {
            foreach (var variant in RegexProperties.CaseVariants(c, _ignoreCase))
                Quote(variant, output);
            return;
        }
        _at++;
        var last = Next();
        if (last == '\\')
            last = EscapedLiteral(Next());
        if (last < c)
            throw Unsupported("a class range that runs backwards");
        foreach (var (from, to) in RegexProperties.CaseRanges(c, last, _ignoreCase))
        {
            Quote(from, output);
            output.Append('-');
            Quote(to, output);
        }
    }

    private void Literal(char c)
    {
        var variants = RegexProperties.CaseVariants(c, _ignoreCase);
        if (variants.Length > 1)
            _output.Append('[');
        foreach (var variant in variants)
            Quote(variant, _output);
        if (variants.Length > 1)
            _output.Append(']');
    }

    private static void Quote(char c, StringBuilder output)
    {
        if (char.IsAsciiLetterOrDigit(c) || c == ' ')
            output.Append(c);
        else
            output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
    }

    private char Next() => _at < _source.Length ? _source[_at++] : throw Unsupported("a pattern that ends too early");

    private bool Take(string text)
    {
        if (string.CompareOrdinal(_source, _at, text, 0, text.Length) != 0)
            return false;
        _at += text.Length;
        return true;
    }

    private void Expect(char c)
    {
        if (!Take(c.ToString()))
            throw Unsupported($"a pattern without its {c}");
    }

    private GridException Unsupported(string what) =>
        new(ErrorCodes.InvalidTokenizer, $"{_field}: the regular expression uses {what}, which is not supported.", _field);
}
