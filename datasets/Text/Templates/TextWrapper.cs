using System.Text;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Text.Templates;

/// <summary>Breaks a line into lines as Python's textwrap does that keeps white space within them and drops it at their ends.</summary>
/// <param name="width">Code points of a line, above 0.</param>
/// <param name="breakWords">Words that are longer are cut; else they stand alone.</param>
/// <param name="atHyphens">Compound words may end behind a hyphen.</param>
internal sealed partial class TextWrapper(int width, bool breakWords, bool atHyphens, TemplateBudget budget)
{
    public List<string> Wrap(string line)
    {
        var chunks = new Stack<string>((atHyphens ? Compounds() : Words()).Matches(line).Select(m => m.Value).Reverse());
        List<string> lines = [];
        while (chunks.Count > 0)
        {
            budget.Step();
            if (lines.Count > 0 && string.IsNullOrWhiteSpace(chunks.Peek()))
                chunks.Pop();
            var (current, used) = Fill(chunks);
            if (chunks.TryPeek(out var next) && TemplateValues.CodePoints(next) > width)
                AddLong(chunks, current, width - used);
            if (current.Count > 0 && string.IsNullOrWhiteSpace(current[^1]))
                current.RemoveAt(current.Count - 1);
            if (current.Count > 0)
                lines.Add(string.Concat(current));
        }
        return lines;
    }

    private (List<string> Line, int Used) Fill(Stack<string> chunks)
    {
        List<string> line = [];
        var used = 0;
        while (chunks.TryPeek(out var chunk) && used + TemplateValues.CodePoints(chunk) <= width)
        {
            used += (int)TemplateValues.CodePoints(chunk);
            line.Add(chunks.Pop());
        }
        return (line, used);
    }

    /// <summary>What fits of a chunk that no line holds.</summary>
    private void AddLong(Stack<string> chunks, List<string> line, int room)
    {
        if (!breakWords)
        {
            if (line.Count == 0)
                line.Add(chunks.Pop());
            return;
        }
        var chunk = chunks.Pop();
        var fitting = Units(chunk, room);
        if (atHyphens && room > 0 && chunk.LastIndexOf('-', Math.Max(0, fitting - 1), fitting) is var hyphen and > 0 && chunk.AsSpan(0, hyphen).ContainsAnyExcept('-'))
            fitting = hyphen + 1;
        line.Add(chunk[..fitting]);
        chunks.Push(chunk[fitting..]);
    }

    /// <summary>UTF-16 units of so many code points.</summary>
    private static int Units(string text, int codePoints)
    {
        var units = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (codePoints-- <= 0)
                break;
            units += rune.Utf16SequenceLength;
        }
        return units;
    }

    [GeneratedRegex(@"[\t\n\x0b\f\r ]+|[^\t\n\x0b\f\r ]+")]
    private static partial Regex Words();

    /// <summary>White space; a dash of several hyphens between words; a word up to its end, to such a dash, or behind a hyphen between letters.</summary>
    [GeneratedRegex(@"[\t\n\x0b\f\r ]+|(?<=[\w!""'&.,?])-{2,}(?=\w)|[^\t\n\x0b\f\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])|(?=[\t\n\x0b\f\r ]|\z)|(?<=[\w!""'&.,?])(?=-{2,}\w))")]
    private static partial Regex Compounds();
}
