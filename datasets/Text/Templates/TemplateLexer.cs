using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>
/// Cuts a template into tokens with the white-space rules that chat templates are written for: trim_blocks and lstrip_blocks on,
/// one newline at the very end dropped.
/// </summary>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ":", "|", ",", "(", ")", "[", "]", "{", "}"];

    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private int _line = 1;
    private bool _lineStarting = true;

    private TemplateLexer(string source) => _source = source;

    public static List<TemplateToken> Read(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (source.EndsWith('\n'))
            source = source[..^1];
        var lexer = new TemplateLexer(source);
        while (lexer._at < source.Length)
            lexer.TextAndTag();
        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    private void TextAndTag()
    {
        var open = NextTag(_at);
        if (open < 0)
        {
            AddText(_source[_at..]);
            _at = _source.Length;
            return;
        }
        var kind = _source[open + 1];
        var sign = open + 2 < _source.Length && _source[open + 2] is '-' or '+' ? _source[open + 2] : ' ';
        AddText(Before(_source[_at..open], sign, kind));
        _at = open + (sign is '-' or '+' ? 3 : 2);
        switch (kind)
        {
            case '#': Comment(); break;
            case '%': Tag(TokenKind.BlockBegin, TokenKind.BlockEnd, "%}"); break;
            default: Tag(TokenKind.PrintBegin, TokenKind.PrintEnd, "}}"); break;
        }
    }

    private int NextTag(int from)
    {
        for (var at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        }
        return -1;
    }

    // The white space before a tag: all of it for {%-, the indentation of a tag that starts its line for blocks and comments.
    private string Before(string text, char sign, char kind)
    {
        if (sign == '-')
        {
            Count(text.AsSpan(text.TrimEnd().Length));
            return text.TrimEnd();
        }
        if (sign == '+' || kind == '{')
            return text;
        var start = text.LastIndexOf('\n') + 1;
        return (start > 0 || _lineStarting) && text.AsSpan(start).IsWhiteSpace() ? text[..start] : text;
    }

    private void Comment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw new TemplateException("a comment {# has no #}", _line);
        Count(_source.AsSpan(_at, end - _at));
        var sign = end > _at ? _source[end - 1] : ' ';
        _at = end + 2;
        After(sign, isBlock: true);
    }

    private void Tag(TokenKind begin, TokenKind end, string close)
    {
        var mark = _tokens.Count;
        Add(begin, "");
        var depth = 0;
        while (true)
        {
            SkipSpace();
            if (_at >= _source.Length)
                throw new TemplateException($"a tag has no {close}", _line);
            var sign = _source[_at] is '-' or '+' && Looking(close, _at + 1) ? _source[_at] : ' ';
            if (depth == 0 && (sign != ' ' || Looking(close, _at)))
            {
                Add(end, "");
                _at += close.Length + (sign == ' ' ? 0 : 1);
                After(sign, begin == TokenKind.BlockBegin);
                break;
            }
            var token = Token();
            depth += token is "(" or "[" or "{" ? 1 : token is ")" or "]" or "}" ? -1 : 0;
        }
        if (begin == TokenKind.BlockBegin && _tokens.Count == mark + 3 && _tokens[mark + 1].Is(TokenKind.Name, "raw"))
            Raw(mark);
    }

    private void Raw(int mark)
    {
        _tokens.RemoveRange(mark, 3);
        for (var at = _at; (at = _source.IndexOf("{%", at, StringComparison.Ordinal)) >= 0; at += 2)
        {
            var inner = at + 2;
            var sign = inner < _source.Length && _source[inner] is '-' or '+' ? _source[inner++] : ' ';
            var end = _source.IndexOf("%}", inner, StringComparison.Ordinal);
            if (end < 0)
                break;
            var closing = _source[end - 1] is '-' or '+' ? _source[end - 1] : ' ';
            if (_source[inner..(closing == ' ' ? end : end - 1)].Trim() != "endraw")
                continue;
            AddText(Before(_source[_at..at], sign, '%'));
            _at = end + 2;
            After(closing, isBlock: true);
            return;
        }
        throw new TemplateException("{% raw %} has no {% endraw %}", _line);
    }

    private void After(char sign, bool isBlock)
    {
        var start = _at;
        if (sign == '-')
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
                _at++;
        }
        else if (isBlock && sign != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
        }
        Count(_source.AsSpan(start, _at - start));
        _lineStarting = _at > start && _source[_at - 1] == '\n';
    }

    private string Token()
    {
        var c = _source[_at];
        if (c == '0' && _at + 1 < _source.Length && _source[_at + 1] is 'x' or 'X' or 'o' or 'O' or 'b' or 'B')
            return Based(_source[_at + 1] is 'x' or 'X' ? 16 : _source[_at + 1] is 'o' or 'O' ? 8 : 2);
        if (char.IsAsciiDigit(c))
            return Number();
        if (char.IsLetter(c) || c == '_')
        {
            var start = _at;
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_'))
                _at++;
            return Add(TokenKind.Name, _source[start.._at]);
        }
        if (c is '"' or '\'')
            return Quoted(c);
        foreach (var candidate in Operators)
        {
            if (!Looking(candidate, _at))
                continue;
            _at += candidate.Length;
            return Add(TokenKind.Operator, candidate);
        }
        throw new TemplateException($"unexpected character '{c}'", _line);
    }

    private string Number()
    {
        var start = _at;
        while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '_'))
            _at++;
        var real = false;
        if (_at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]))
        {
            real = true;
            _at++;
            while (_at < _source.Length && char.IsAsciiDigit(_source[_at]))
                _at++;
        }
        var exponent = _at + 1 < _source.Length && _source[_at] is 'e' or 'E' ? _at + 1 : -1;
        if (exponent > 0 && _source[exponent] is '+' or '-')
            exponent++;
        if (exponent > 0 && exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
        {
            real = true;
            for (_at = exponent; _at < _source.Length && char.IsAsciiDigit(_source[_at]);)
                _at++;
        }
        Add(real ? TokenKind.Float : TokenKind.Integer, _source[start.._at].Replace("_", "", StringComparison.Ordinal));
        return "";
    }

    private string Based(int radix)
    {
        var value = 0L;
        var digits = 0;
        for (_at += 2; _at < _source.Length && (char.IsAsciiHexDigit(_source[_at]) || _source[_at] == '_'); _at++)
        {
            if (_source[_at] == '_')
                continue;
            var digit = Convert.ToInt32(_source[_at].ToString(), 16);
            if (digit >= radix || value > (long.MaxValue - digit) / radix)
                throw new TemplateException("a number that cannot be read", _line);
            value = (value * radix) + digit;
            digits++;
        }
        if (digits == 0)
            throw new TemplateException("a number without digits", _line);
        Add(TokenKind.Integer, value.ToString(CultureInfo.InvariantCulture));
        return "";
    }

    private string Quoted(char quote)
    {
        var value = new StringBuilder();
        var start = _line;
        for (_at++; _at < _source.Length && _source[_at] != quote; _at++)
        {
            if (_source[_at] == '\n')
                _line++;
            if (_source[_at] == '\\' && _at + 1 < _source.Length)
                Escape(value);
            else
                value.Append(_source[_at]);
        }
        if (_at >= _source.Length)
            throw new TemplateException("a string has no end", start);
        _at++;
        Add(TokenKind.String, value.ToString());
        return "";
    }

    private void Escape(StringBuilder value)
    {
        var c = _source[++_at];
        var simple = "\\'\"abfnrtv".IndexOf(c, StringComparison.Ordinal);
        if (simple >= 0)
            value.Append("\\'\"\a\b\f\n\r\t\v"[simple]);
        else if (c is 'x' or 'u' or 'U')
            CodePoint(c == 'x' ? 2 : c == 'u' ? 4 : 8, value);
        else if (c != '\n')
            value.Append('\\').Append(c);
    }

    private void CodePoint(int digits, StringBuilder value)
    {
        if (_at + digits >= _source.Length || !int.TryParse(_source.AsSpan(_at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || code > 0x10FFFF)
            throw new TemplateException("a character escape without its digits", _line);
        value.Append(code > 0xFFFF ? char.ConvertFromUtf32(code) : ((char)code).ToString());
        _at += digits;
    }

    private void SkipSpace()
    {
        while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
        {
            if (_source[_at++] == '\n')
                _line++;
        }
    }

    private bool Looking(string text, int at) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private void AddText(string text)
    {
        if (text.Length == 0)
            return;
        Add(TokenKind.Text, text);
        Count(text);
    }

    private void Count(ReadOnlySpan<char> text) => _line += text.Count('\n');

    private string Add(TokenKind kind, string value)
    {
        _tokens.Add(new TemplateToken(kind, value, _line));
        return value;
    }
}
