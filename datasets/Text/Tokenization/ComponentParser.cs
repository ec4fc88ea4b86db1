using System.Text;
using System.Text.Json;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Builds normalizers, pre-tokenizers and decoders from their sections of tokenizer.json.</summary>
internal static class ComponentParser
{
    private const int MaximumParts = 64;

    public static Normalizer? Normalizer(Section? section) => section is not { } s ? null : s.Type switch
    {
        "Sequence" => new SequenceNormalizer(Parts(s, "normalizers", part => Normalizer(part)!)),
        "NFC" => new UnicodeNormalizer(NormalizationForm.FormC),
        "NFD" => new UnicodeNormalizer(NormalizationForm.FormD),
        "NFKC" => new UnicodeNormalizer(NormalizationForm.FormKC),
        "NFKD" => new UnicodeNormalizer(NormalizationForm.FormKD),
        "Lowercase" => new RuneNormalizer(Lower),
        "StripAccents" => new RuneNormalizer(rune => Unicode.IsMark(rune) ? null : rune.ToString()),
        "Strip" => new StripNormalizer(s.Flag("strip_left", true), s.Flag("strip_right", true)),
        "Prepend" => new PrependNormalizer(s.Text("prepend")),
        "Replace" => new ReplaceNormalizer(Pattern(s), s.Text("content")),
        _ => throw s.UnsupportedType("Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace"),
    };

    public static PreTokenizer? PreTokenizer(Section? section) => section is not { } s ? null : s.Type switch
    {
        "Sequence" => new SequencePreTokenizer(Parts(s, "pretokenizers", part => PreTokenizer(part)!)),
        "ByteLevel" => new ByteLevelPreTokenizer(s.Flag("add_prefix_space", true),
            s.Flag("use_regex", true) ? new RegexPattern(ByteLevelPreTokenizer.Pattern, s.Path) : null),
        "Split" => new SplitPreTokenizer(Pattern(s), Behavior(s), s.Flag("invert", false)),
        "Digits" => new RunePreTokenizer(Unicode.IsNumeric, s.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Punctuation" => new RunePreTokenizer(Unicode.IsPunctuation, s.Find("behavior") is null ? SplitBehavior.Isolated : Behavior(s)),
        "Whitespace" => new SplitPreTokenizer(new RegexPattern(@"\w+|[^\w\s]+", s.Path), SplitBehavior.Removed, invert: true),
        "WhitespaceSplit" => new RunePreTokenizer(Rune.IsWhiteSpace, SplitBehavior.Removed),
        "CharDelimiterSplit" => new SplitPreTokenizer(new LiteralPattern(s.Character("delimiter").ToString()), SplitBehavior.Removed, invert: false),
        "Metaspace" => new MetaspacePreTokenizer(s.Character("replacement", '▁'), Scheme(s), s.Flag("split", true)),
        _ => throw s.UnsupportedType("Sequence, ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit, Metaspace"),
    };

    public static Decoder? Decoder(Section? section) => section is not { } s ? null : s.Type switch
    {
        "Sequence" => new SequenceDecoder(Parts(s, "decoders", part => Decoder(part)!)),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new TokenDecoder(TokenDecoder.Strip(s.Character("content", ' '), s.Number("start"), s.Number("stop"))),
        "Replace" => new TokenDecoder(TokenDecoder.Replace(Pattern(s), s.Text("content"))),
        "Metaspace" => new TokenDecoder(TokenDecoder.Metaspace(s.Character("replacement", '▁'), Scheme(s))),
        "BPEDecoder" => new TokenDecoder(TokenDecoder.EndOfWord(s.OptionalText("suffix") ?? "</w>")),
        _ => throw s.UnsupportedType("Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, BPEDecoder"),
    };

    private static List<T> Parts<T>(Section section, string name, Func<Section, T> parse)
    {
        var parts = section.Objects(name);
        if (parts.Count > MaximumParts)
            throw section.Unsupported($"a sequence of more than {MaximumParts} parts");
        return parts.ConvertAll(part => parse(part));
    }

    private static TextPattern Pattern(Section section)
    {
        if (section.Find("pattern") is { ValueKind: JsonValueKind.String } plain)
            return Literal(plain.GetString()!, section);
        if (section.Object("pattern") is not { } pattern)
            throw section.Wrong("pattern", "an object with String or Regex");
        return pattern.OptionalText("String") is { } literal
            ? Literal(literal, section)
            : new RegexPattern(pattern.Text("Regex"), pattern.Path);
    }

    private static LiteralPattern Literal(string text, Section section) =>
        text.Length > 0 ? new LiteralPattern(text) : throw section.Unsupported("an empty pattern");

    private static SplitBehavior Behavior(Section section) =>
        Enum.TryParse<SplitBehavior>(section.Text("behavior"), ignoreCase: false, out var behavior) && Enum.IsDefined(behavior)
            ? behavior
            : throw section.Wrong("behavior", "one of " + string.Join(", ", Enum.GetNames<SplitBehavior>()));

    private static PrependScheme Scheme(Section section) => section.OptionalText("prepend_scheme") switch
    {
        "always" => PrependScheme.Always,
        "never" => PrependScheme.Never,
        "first" => PrependScheme.First,
        // Files written before prepend_scheme existed say it with a flag.
        null => section.Flag("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never,
        _ => throw section.Wrong("prepend_scheme", "always, never or first"),
    };

    // U+0130 is the one character whose lower case is longer than one character.
    private static string Lower(Rune rune) => rune.Value == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString();
}
