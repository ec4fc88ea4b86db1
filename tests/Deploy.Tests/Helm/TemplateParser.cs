using System.Text.RegularExpressions;

namespace FineTuneGrid.Deploy.Helm;

internal abstract record Part;

internal sealed record Literal(string Text) : Part;

internal sealed record Output(string Expression) : Part;

/// <summary><c>if</c> or <c>with</c>: the parts of the branch whose condition holds; a condition of null always does.</summary>
internal sealed record Choice(bool Rebinds, IReadOnlyList<(string? Condition, IReadOnlyList<Part> Parts)> Branches) : Part;

/// <summary>
/// The part of Go's text/template that the chart uses: output, if / else, with, define, and white space trimmed by dashes. Anything
/// else is refused, so that a template never passes because it was misread.
/// </summary>
internal sealed partial class TemplateParser
{
    private readonly string _name;
    private readonly List<(string? Action, string Text)> _tokens;
    private readonly Dictionary<string, IReadOnlyList<Part>> _defined;
    private int _next;

    private TemplateParser(string text, string name, Dictionary<string, IReadOnlyList<Part>> defined) =>
        (_name, _tokens, _defined) = (name, Tokens(text, name), defined);

    /// <summary>The parts outside of definitions, which are added to <paramref name="defined"/>.</summary>
    public static IReadOnlyList<Part> Parse(string text, string name, Dictionary<string, IReadOnlyList<Part>> defined)
    {
        var parser = new TemplateParser(text, name, defined);
        var parts = parser.Block();
        return parser._next == parser._tokens.Count ? parts : throw parser.Fault($"{{{{ {parser._tokens[parser._next].Text} }}}} without a beginning");
    }

    /// <summary>Up to the end of the text, or to an <c>else</c> or <c>end</c> that is not this block's.</summary>
    private List<Part> Block()
    {
        var parts = new List<Part>();
        while (_next < _tokens.Count)
        {
            var (action, text) = _tokens[_next];
            if (action is "else" or "end") break;
            _next++;
            switch (action)
            {
                case null: parts.Add(new Literal(text)); break;
                case "if" or "with": parts.Add(Branches(action == "with", text)); break;
                case "define":
                    _defined.Add(text.Trim('"'), Block());
                    End();
                    break;
                case "": parts.Add(new Output(text)); break;
                default: throw Fault($"{action} is beyond what this reads");
            }
        }
        return parts;
    }

    private Choice Branches(bool rebinds, string condition)
    {
        var branches = new List<(string?, IReadOnlyList<Part>)> { (condition, Block()) };
        while (_next < _tokens.Count && _tokens[_next].Action == "else")
        {
            var next = _tokens[_next++].Text;
            if (next.Length > 0 && !next.StartsWith("if ", StringComparison.Ordinal)) throw Fault($"else {next}");
            branches.Add((next.Length == 0 ? null : next[3..], Block()));
        }
        End();
        return new Choice(rebinds, branches);
    }

    private void End()
    {
        if (_next == _tokens.Count || _tokens[_next].Action != "end") throw Fault("an end is missing");
        _next++;
    }

    private static List<(string?, string)> Tokens(string text, string name)
    {
        var tokens = new List<(string?, string)>();
        var at = 0;
        var trimNext = false;
        foreach (Match match in Action().Matches(text))
        {
            Add(text[at..match.Index], match.Groups["left"].Length > 0);
            var word = Keyword().Match(match.Groups["body"].Value);
            tokens.Add((word.Groups["word"].Value, word.Groups["rest"].Value.Trim()));
            (at, trimNext) = (match.Index + match.Length, match.Groups["right"].Length > 0);
        }
        Add(text[at..], false);
        return tokens;

        void Add(string literal, bool trimEnd)
        {
            if (literal.Contains("{{", StringComparison.Ordinal) || literal.Contains("}}", StringComparison.Ordinal)) throw new InvalidDataException($"{name}: braces that do not match near: {literal}");
            literal = trimNext ? literal.TrimStart() : literal;
            literal = trimEnd ? literal.TrimEnd() : literal;
            if (literal.Length > 0) tokens.Add((null, literal));
        }
    }

    private InvalidDataException Fault(string what) => new($"{_name}: {what}");

    [GeneratedRegex(@"\{\{(?<left>-(?=\s))?\s*(?<body>[^{}]*?)\s*(?<right>(?<=\s)-)?\}\}")]
    private static partial Regex Action();

    [GeneratedRegex(@"^(?<word>(if|with|else|end|define|range|block|template|break|continue)\b|)(?<rest>.*)$", RegexOptions.Singleline)]
    private static partial Regex Keyword();
}
