using System.Text.Json;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>One part of a template: ids, or the first (A) or second (B) text.</summary>
internal readonly record struct TemplatePart(int[]? Ids, bool IsSecond, int Type);

/// <summary>What is put around a text, or around two, when special tokens are asked for.</summary>
internal sealed class PostProcessor
{
    private const int MaximumId = TokenizerParser.MaximumId;

    private static readonly TemplatePart[] PlainPair = [new(null, false, 0), new(null, true, 1)];

    private PostProcessor(int[] prefix, int[] suffix, IReadOnlyList<TemplatePart>? pair)
    {
        Prefix = prefix;
        Suffix = suffix;
        Pair = pair;
    }

    public int[] Prefix { get; }

    public int[] Suffix { get; }

    /// <summary>The template of two texts; null where the file's own cannot be followed.</summary>
    public IReadOnlyList<TemplatePart>? Pair { get; }

    public static PostProcessor Parse(Section? section) => section is not { } s ? new([], [], PlainPair) : s.Type switch
    {
        "ByteLevel" => new([], [], PlainPair),
        "Sequence" => Sequence(s),
        "BertProcessing" => Framed(NamedId(s, "cls"), NamedId(s, "sep"), separators: 1, secondType: 1),
        "RobertaProcessing" => Framed(NamedId(s, "cls"), NamedId(s, "sep"), separators: 2, secondType: 0),
        "TemplateProcessing" => Template(s),
        _ => throw s.UnsupportedType("Sequence, ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing"),
    };

    private static PostProcessor Framed(int first, int separator, int separators, int secondType) => new([first], [separator],
    [
        new([first], false, 0), new(null, false, 0), new([.. Enumerable.Repeat(separator, separators)], false, 0),
        new(null, true, secondType), new([separator], false, secondType),
    ]);

    // A later processor stands around what an earlier one made. Of two, neither's template for pairs fits.
    private static PostProcessor Sequence(Section section)
    {
        var parts = section.Objects("processors").ConvertAll(part => Parse(part));
        var framing = parts.FindAll(p => p.Prefix.Length + p.Suffix.Length > 0 || p.Pair is null || !p.Pair.SequenceEqual(PlainPair));
        return new PostProcessor([.. Enumerable.Reverse(parts).SelectMany(p => p.Prefix)], [.. parts.SelectMany(p => p.Suffix)],
            framing.Count switch { 0 => PlainPair, 1 => framing[0].Pair, _ => null });
    }

    private static int NamedId(Section section, string name) =>
        section.Find(name) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2 && pair[1].TryGetInt32(out var id)
            ? id
            : throw section.Wrong(name, "[token, id]");

    private static PostProcessor Template(Section section)
    {
        List<int> prefix = [];
        List<int> suffix = [];
        var texts = 0;
        foreach (var part in Parts(section, "single"))
        {
            if (part.Ids is null)
                texts++;
            else
                (texts == 0 ? prefix : suffix).AddRange(part.Ids);
        }
        if (texts != 1)
            throw section.Wrong("single", "a template with the text exactly once");
        var pair = section.Find("pair") is null ? null : Parts(section, "pair");
        var whole = pair?.Count(p => p.Ids is null && p.IsSecond) == 1 && pair.Count(p => p.Ids is null && !p.IsSecond) == 1;
        return new PostProcessor([.. prefix], [.. suffix], whole ? pair : null);
    }

    private static List<TemplatePart> Parts(Section section, string name) => section.Objects(name).ConvertAll(part =>
    {
        if (part.Object("Sequence") is { } text)
        {
            var id = text.OptionalText("id") ?? "A";
            return id is "A" or "B" ? new TemplatePart(null, id == "B", TypeOf(text)) : throw text.Wrong("id", "A or B");
        }
        return part.Object("SpecialToken") is { } special
            ? new TemplatePart([.. SpecialIds(section, special)], false, TypeOf(special))
            : throw part.Unsupported("a template part other than Sequence and SpecialToken");
    });

    private static int TypeOf(Section part) => part.Find("type_id") is null ? 0 : part.Number("type_id");

    private static List<int> SpecialIds(Section section, Section special)
    {
        var name = special.Text("id");
        if (section.Object("special_tokens")?.Object(name) is not { } entry || entry.Find("ids") is not { ValueKind: JsonValueKind.Array } ids)
            throw section.Wrong("special_tokens", $"an object with the ids of '{name}'");
        return [.. ids.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var value) && value is >= 0 and < MaximumId
            ? value
            : throw section.Wrong("special_tokens", $"an object with the ids of '{name}'"))];
    }
}
