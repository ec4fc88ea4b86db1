using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Tokenization;

namespace FineTuneGrid.Text;

/// <summary>
/// Keeps what users wrote from becoming control tokens. Before a conversation is rendered, a mark is set within every spelling of
/// a control token in its strings; the marks ride through the template with the text, are taken out again, and where they stood
/// the tokenizer takes the spelling for ordinary text. What the template itself writes has no marks. A mark is one of Unicode's
/// noncharacters, which no text holds; the one that this conversation does not hold in spite of that.
/// </summary>
internal sealed class LiteralMarks
{
    private const char FirstMark = '\uFDD0';
    private const char LastMark = '\uFDEF';

    private readonly char _mark;

    private LiteralMarks(char mark) => _mark = mark;

    /// <summary>Marks the strings, keys included, of some JSON values.</summary>
    /// <returns>The values, changed where there was something to mark; and the marks, null where there was nothing.</returns>
    public static (JsonElement?[] Values, LiteralMarks? Marks) Set(ControlTokens control, params JsonElement?[] values)
    {
        var given = values.OfType<JsonElement>().ToList();
        var found = false;
        given.ForEach(value => Visit(value, text => found = found || control.Find(text).Count > 0));
        if (!found)
            return (values, null);
        var used = 0u;
        given.ForEach(value => Visit(value, text => used |= Holds(text)));
        var free = FirstMark;
        while (free <= LastMark && (used & (1u << (free - FirstMark))) != 0)
            free++;
        if (free > LastMark)
            throw new GridException(ErrorCodes.InvalidTemplate, "The conversation holds every one of Unicode's noncharacters U+FDD0 to U+FDEF; take them out.", "messages");
        return ([.. values.Select(v => v is { } value ? JsonSerializer.SerializeToElement(Marked(JsonNode.Parse(value.GetRawText()), control, free)) : v)], new LiteralMarks(free));
    }

    /// <summary>The text without its marks, and where they stood.</summary>
    public RenderedText TakeOut(RenderedText rendered)
    {
        var escaped = Escaped(_mark);
        var text = new StringBuilder(rendered.Text.Length);
        List<int> places = [];
        List<(int At, int Removed)> shifts = [(0, 0)];
        for (var i = 0; i < rendered.Text.Length;)
        {
            var length = rendered.Text[i] == _mark ? 1 : rendered.Text[i] == '\\' && string.CompareOrdinal(rendered.Text, i, escaped, 0, escaped.Length) == 0 ? escaped.Length : 0;
            if (length == 0)
            {
                text.Append(rendered.Text[i++]);
                continue;
            }
            places.Add(text.Length);
            i += length;
            shifts.Add((i, i - text.Length));
        }
        int Moved(int at) => at - shifts.FindLast(s => s.At <= at).Removed;
        return new RenderedText(text.ToString(), [.. rendered.Spans.Select(s => (Moved(s.Start), Moved(s.End)))]) { Literals = places };
    }

    /// <summary>A bit for each mark that the text holds, as itself or escaped.</summary>
    private static uint Holds(string text)
    {
        var held = 0u;
        for (var mark = FirstMark; mark <= LastMark; mark++)
        {
            if (text.Contains(mark) || (text.Contains('\\') && text.Contains(Escaped(mark), StringComparison.Ordinal)))
                held |= 1u << (mark - FirstMark);
        }
        return held;
    }

    /// <summary>As a template's tojson writes it when told to write ASCII.</summary>
    private static string Escaped(char mark) => $"\\u{(int)mark:x4}";

    private static void Visit(JsonElement value, Action<string> visit)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                visit(value.GetString()!);
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                    Visit(item, visit);
                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                {
                    visit(property.Name);
                    Visit(property.Value, visit);
                }
                break;
        }
    }

    private static JsonNode? Marked(JsonNode? node, ControlTokens control, char mark) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(f => KeyValuePair.Create(Marked(f.Key, control, mark), Marked(f.Value, control, mark)))),
        JsonArray items => new JsonArray([.. items.Select(i => Marked(i, control, mark))]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => JsonValue.Create(Marked((string)value!, control, mark)),
        _ => node?.DeepClone(),
    };

    private static string Marked(string text, ControlTokens control, char mark)
    {
        var places = control.Find(text);
        if (places.Count == 0)
            return text;
        var marked = new StringBuilder(text.Length + places.Count);
        for (int i = 0, next = 0; i < text.Length; i++)
        {
            if (next < places.Count && places[next] == i)
            {
                marked.Append(mark);
                next++;
            }
            marked.Append(text[i]);
        }
        return marked.ToString();
    }
}
