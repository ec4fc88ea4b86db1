using System.Text.RegularExpressions;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>
/// A model card as markup: headings, paragraphs, lists, tables, fenced code, bold and code spans of Markdown; all else stays the text
/// that it is. Cards are users' own files: nothing of them becomes a tag, a link or an image.
/// </summary>
internal static partial class CardText
{
    private const int MostLines = 2000;
    private const string Fence = "```";

    public static Html Render(string markdown)
    {
        var lines = Body(markdown.ReplaceLineEndings("\n").Split('\n', MostLines + 1).Take(MostLines).ToList());
        var parts = new List<Html>();
        for (var i = 0; i < lines.Count;) parts.Add(Block(lines, ref i));
        return Html.Join(parts);
    }

    /// <summary>Without the front matter, which is for machines.</summary>
    private static List<string> Body(List<string> lines)
    {
        if (lines[0] != "---") return lines;
        var end = lines.IndexOf("---", 1);
        return end < 0 ? lines : lines[(end + 1)..];
    }

    private static Html Block(List<string> lines, ref int i)
    {
        var line = lines[i];
        if (line.StartsWith(Fence, StringComparison.Ordinal)) return Code(lines, ref i);
        if (line.StartsWith('|')) return Table(Run(lines, ref i, l => l.StartsWith('|')));
        if (line.StartsWith("- ", StringComparison.Ordinal) || line.StartsWith("* ", StringComparison.Ordinal))
            return Html.Of($"<ul>{Html.Join(Run(lines, ref i, l => l.Length > 1 && l[0] is '-' or '*' && l[1] == ' ').Select(l => Html.Of($"<li>{Inline(l[2..])}</li>")))}</ul>");
        if (Heading().Match(line) is { Success: true } heading)
        {
            i++;
            var level = Math.Min(6, heading.Groups["marks"].Length + 2);
            var text = Inline(heading.Groups["text"].Value);
            return level switch { 3 => Html.Of($"<h3>{text}</h3>"), 4 => Html.Of($"<h4>{text}</h4>"), 5 => Html.Of($"<h5>{text}</h5>"), _ => Html.Of($"<h6>{text}</h6>") };
        }
        if (string.IsNullOrWhiteSpace(line))
        {
            i++;
            return Html.Empty;
        }
        return Html.Of($"<p>{Inline(string.Join('\n', Run(lines, ref i, IsPlain)))}</p>");
    }

    private static bool IsPlain(string line) =>
        !string.IsNullOrWhiteSpace(line) && !line.StartsWith(Fence, StringComparison.Ordinal) && line[0] is not ('|' or '#') && !line.StartsWith("- ", StringComparison.Ordinal);

    /// <summary>The lines from here on that fit, this one in any case.</summary>
    private static List<string> Run(List<string> lines, ref int i, Func<string, bool> fits)
    {
        var from = i++;
        while (i < lines.Count && fits(lines[i])) i++;
        return lines[from..i];
    }

    private static Html Code(List<string> lines, ref int i)
    {
        var from = ++i;
        while (i < lines.Count && !lines[i].StartsWith(Fence, StringComparison.Ordinal)) i++;
        var text = string.Join('\n', lines[from..i]);
        i = Math.Min(lines.Count, i + 1);
        return Html.Of($"""<pre tabindex="0">{text}</pre>""");
    }

    private static Html Table(List<string> rows)
    {
        var cells = rows.Where(r => !Rule().IsMatch(r)).Select(r => r.Trim().Trim('|').Split(" | ").Select(c => c.Trim()).ToList()).Where(r => r.Exists(c => c.Length > 0));
        return Html.Of($"<div class=\"scroll\"><table>{Html.Join(cells.Select(r => Html.Of($"<tr>{Html.Join(r.Select(c => Html.Of($"<td>{Inline(c)}</td>")))}</tr>")))}</table></div>");
    }

    /// <summary>Every second piece between marks is marked: first code spans, then bold in what is left.</summary>
    private static Html Inline(string text) => Html.Join(text.Split('`').Select((piece, i) => i % 2 == 1
        ? Html.Of($"<code>{piece}</code>")
        : Html.Join(piece.Split("**").Select((part, j) => j % 2 == 1 ? Html.Of($"<b>{part}</b>") : Html.Of($"{part}")))));

    [GeneratedRegex(@"^(?<marks>#{1,6})\s+(?<text>.+)$")]
    private static partial Regex Heading();

    [GeneratedRegex(@"^\|[\s|:-]*$")]
    private static partial Regex Rule();
}
