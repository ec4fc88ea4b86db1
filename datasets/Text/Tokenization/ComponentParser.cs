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
        "Lowercase" => new RuneNormalizer(Unicode.Lower),
        "StripAccents" => new RuneNormalizer(rune => OlderUnicode.IsMark(rune) ? null : RuneNormalizer.Unchanged),
        "Nmt" => new RuneNormalizer(NmtNormalizer.Map),
        "ByteLevel" => new ByteLevelNormalizer(),
        "Precompiled" => PrecompiledNormalizer.Parse(s.Base64("precompiled_charsmap"), s),
        "BertNormalizer" => BertNormalizer.Create(s.Flag("clean_text", true), s.Flag("handle_chinese_chars", true),
            s.Flag("strip_accents", s.Flag("lowercase", true)), s.Flag("lowercase", true)),
        "Strip" => new StripNormalizer(s.Flag("strip_left", true), s.Flag("strip_right", true)),
        "Prepend" => new PrependNormalizer(s.Text("prepend")),
        "Replace" => new ReplaceNormalizer(Pattern(s), s.Text("content")),
        _ => throw s.UnsupportedType("Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Nmt, ByteLevel, Precompiled, BertNormalizer"),
    };

    /// <param name="bytesByModel">Whether the model takes the last part's pieces as bytes, if that part is ByteLevel.</param>
    public static PreTokenizer? PreTokenizer(Section? section, bool bytesByModel, out bool byteLevel)
    {
        byteLevel = false;
        if (section is not { } s)
            return null;
        List<Section> parts = [];
        Flatten(s, parts);
        if (parts.Count > MaximumParts)
            throw s.Unsupported($"a sequence of more than {MaximumParts} parts");
        byteLevel = bytesByModel && parts.Count(p => p.Type == "ByteLevel") == 1 && parts[^1].Type == "ByteLevel";
        var spelt = !byteLevel;
        return parts.Count == 1 ? PreTokenizer(parts[0], spelt) : new SequencePreTokenizer(parts.ConvertAll(part => PreTokenizer(part, spelt)));
    }

    private static void Flatten(Section section, List<Section> into)
    {
        if (section.Type == "Sequence")
            section.Objects("pretokenizers").ForEach(part => Flatten(part, into));
        else
            into.Add(section);
    }

    private static PreTokenizer PreTokenizer(Section s, bool spelt) => s.Type switch
    {
        "ByteLevel" => new ByteLevelPreTokenizer(s.Flag("add_prefix_space", true),
            s.Flag("use_regex", true) ? new RegexPattern(ByteLevelPreTokenizer.Pattern, s.Path) : null, spelt),
        "Split" => new SplitPreTokenizer(Pattern(s), Behavior(s), s.Flag("invert", false)),
        "Digits" => new RunePreTokenizer(Unicode.IsNumeric, s.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Punctuation" => new RunePreTokenizer(OlderUnicode.IsPunctuation, s.Find("behavior") is null ? SplitBehavior.Isolated : Behavior(s)),
        "BertPreTokenizer" => new SequencePreTokenizer([new RunePreTokenizer(Rune.IsWhiteSpace, SplitBehavior.Removed), new RunePreTokenizer(OlderUnicode.IsPunctuation, SplitBehavior.Isolated)]),
        "Whitespace" => new WhitespacePreTokenizer(),
        "FixedLength" => new FixedLengthPreTokenizer(s.Find("length") is null ? 5 : s.Number("length") is var length and > 0 ? length : throw s.Wrong("length", "at least 1")),
        "WhitespaceSplit" => new RunePreTokenizer(Rune.IsWhiteSpace, SplitBehavior.Removed),
        "CharDelimiterSplit" => new SplitPreTokenizer(new LiteralPattern(s.Character("delimiter").ToString()), SplitBehavior.Removed, invert: false),
        "UnicodeScripts" => new UnicodeScriptsPreTokenizer(),
        "Metaspace" => new MetaspacePreTokenizer(s.Character("replacement", '▁'), Scheme(s), s.Flag("split", true)),
        _ => throw s.UnsupportedType("Sequence, ByteLevel, Split, Digits, Punctuation, BertPreTokenizer, Whitespace, WhitespaceSplit, CharDelimiterSplit, Metaspace, FixedLength, UnicodeScripts"),
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
        "WordPiece" => new TokenDecoder(TokenDecoder.WordPiece(s.Text("prefix"), s.Flag("cleanup", true))),
        "CTC" => new CtcDecoder(s.Text("pad_token"), s.Text("word_delimiter_token"), s.Flag("cleanup", true)),
        _ => throw s.UnsupportedType("Sequence, ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, BPEDecoder, WordPiece, CTC"),
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
}
