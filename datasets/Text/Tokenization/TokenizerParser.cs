using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>What a tokenizer.json says, ready to run.</summary>
internal sealed record TokenizerParts(
    TokenModel Model,
    Normalizer? Normalizer,
    PreTokenizer? PreTokenizer,
    Decoder? Decoder,
    IReadOnlyList<AddedToken> AddedTokens,
    int[] Prefix,
    int[] Suffix);

/// <summary>Reads tokenizer.json strictly: anything that would change ids and is not supported is refused by name.</summary>
internal static class TokenizerParser
{
    public const int MaximumBytes = 64 << 20;

    /// <summary>No published vocabulary comes near; a larger id would only serve to ask for memory.</summary>
    private const int MaximumId = 1 << 22;

    public static TokenizerParts Parse(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MaximumBytes)
            throw new GridException(ErrorCodes.TooLarge, $"tokenizer.json is {utf8.Length} bytes; at most {MaximumBytes} are read.", "tokenizer.json");
        using var document = Read(utf8);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new GridException(ErrorCodes.InvalidTokenizer, "tokenizer.json must hold one JSON object.", "tokenizer.json");
        var root = new Section(document.RootElement, "$");
        var preTokenizer = ComponentParser.PreTokenizer(root.Object("pre_tokenizer"));
        var model = Model(root.Object("model") ?? throw root.Wrong("model", "an object"), IsByteLevel(preTokenizer, root));
        var added = AddedTokens(root, model);
        var (prefix, suffix) = PostProcessor(root.Object("post_processor"));
        return new TokenizerParts(model, ComponentParser.Normalizer(root.Object("normalizer")), preTokenizer,
            ComponentParser.Decoder(root.Object("decoder")), added, prefix, suffix);
    }

    private static JsonDocument Read(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return StrictJson.Parse(utf8, "tokenizer.json");
        }
        catch (GridException problem)
        {
            throw new GridException(ErrorCodes.InvalidTokenizer, problem.Message, "tokenizer.json", problem);
        }
    }

    // Bytes are the model's affair, so nothing may look at the pieces after ByteLevel has made bytes of them.
    private static bool IsByteLevel(PreTokenizer? preTokenizer, Section root)
    {
        if (preTokenizer is not SequencePreTokenizer sequence)
            return preTokenizer is ByteLevelPreTokenizer;
        var count = sequence.Parts.Count(p => p is ByteLevelPreTokenizer);
        if (sequence.Parts.Any(p => p is SequencePreTokenizer) || count > 1 || (count == 1 && sequence.Parts[^1] is not ByteLevelPreTokenizer))
            throw root.Unsupported("a pre_tokenizer Sequence in which ByteLevel is not the last part, or that holds another Sequence,");
        return count == 1;
    }

    private static BpeModel Model(Section section, bool byteLevel)
    {
        var type = section.OptionalText("type") ?? "BPE";
        if (type != "BPE")
            throw section.Unsupported($"type '{type}' (supported: BPE)");
        if (section.Find("dropout") is { } dropout && !(dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0))
            throw section.Unsupported("dropout, which makes tokenization random,");
        var vocabulary = Vocabulary(section);
        int? unknown = null;
        if (section.OptionalText("unk_token") is { } token)
            unknown = vocabulary.TryGetValue(token, out var id) ? id : throw section.Wrong("unk_token", "a token of the vocabulary");
        var prefix = section.OptionalText("continuing_subword_prefix") ?? "";
        return new BpeModel(vocabulary, Merges(section, vocabulary, prefix.Length), new BpeOptions
        {
            ByteLevel = byteLevel,
            ByteFallback = section.Flag("byte_fallback", false),
            UnknownId = unknown,
            FuseUnknown = section.Flag("fuse_unk", false),
            IgnoreMerges = section.Flag("ignore_merges", false),
            ContinuingPrefix = prefix,
            EndOfWordSuffix = section.OptionalText("end_of_word_suffix") ?? "",
        });
    }

    private static Dictionary<string, int> Vocabulary(Section section)
    {
        if (section.Find("vocab") is not { ValueKind: JsonValueKind.Object } vocab)
            throw section.Wrong("vocab", "an object of token to id");
        Dictionary<string, int> vocabulary = new(vocab.GetPropertyCount(), StringComparer.Ordinal);
        HashSet<int> ids = [];
        foreach (var entry in vocab.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id is < 0 or >= MaximumId)
                throw section.Wrong("vocab", $"an object of token to id, each from 0 to {MaximumId - 1}; '{entry.Name}' has {entry.Value.GetRawText()}");
            if (!ids.Add(id))
                throw section.Wrong("vocab", $"one token an id; {id} has two");
            vocabulary.Add(entry.Name, id);
        }
        return vocabulary;
    }

    private static Dictionary<long, BpeMerge> Merges(Section section, Dictionary<string, int> vocabulary, int prefixLength)
    {
        if (section.Find("merges") is not { ValueKind: JsonValueKind.Array } list)
            throw section.Wrong("merges", "a list");
        Dictionary<long, BpeMerge> merges = new(list.GetArrayLength());
        var rank = 0;
        foreach (var item in list.EnumerateArray())
        {
            var (left, right) = Pair(item) ?? throw section.Wrong($"merges[{rank}]", "\"left right\" or [left, right]");
            var joined = prefixLength <= right.Length ? left + right[prefixLength..] : null;
            if (joined is null || !vocabulary.TryGetValue(left, out var a) || !vocabulary.TryGetValue(right, out var b) || !vocabulary.TryGetValue(joined, out var c))
                throw section.Wrong($"merges[{rank}]", "made of tokens of the vocabulary, and so must its result");
            merges[BpeMerger.Key(a, b)] = new BpeMerge(rank++, c);
        }
        return merges;
    }

    private static (string Left, string Right)? Pair(JsonElement item)
    {
        if (item.ValueKind == JsonValueKind.String)
        {
            var parts = item.GetString()!.Split(' ');
            return parts.Length == 2 ? (parts[0], parts[1]) : null;
        }
        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2
            || item[0].ValueKind != JsonValueKind.String || item[1].ValueKind != JsonValueKind.String)
            return null;
        return (item[0].GetString()!, item[1].GetString()!);
    }

    private static List<AddedToken> AddedTokens(Section root, TokenModel model)
    {
        List<AddedToken> tokens = [];
        if (root.Find("added_tokens") is null)
            return tokens;
        Dictionary<int, string> seen = [];
        foreach (var section in root.Objects("added_tokens"))
        {
            var token = new AddedToken(section.Number("id"), section.Text("content"))
            {
                SingleWord = section.Flag("single_word", false),
                LeftStrip = section.Flag("lstrip", false),
                RightStrip = section.Flag("rstrip", false),
                Normalized = section.Flag("normalized", !section.Flag("special", false)),
                Special = section.Flag("special", false),
            };
            if (token.Id >= MaximumId)
                throw section.Wrong("id", $"below {MaximumId}");
            var owner = token.Id < model.Tokens.Count ? model.Tokens[token.Id] : null;
            if ((owner is not null && owner != token.Content) || (model.IdOf(token.Content) is { } known && known != token.Id))
                throw section.Wrong("id", $"the id that the vocabulary gives '{token.Content}', or one that is free");
            if (!seen.TryAdd(token.Id, token.Content) && seen[token.Id] != token.Content)
                throw section.Wrong("id", "used by one added token only");
            tokens.Add(token);
        }
        return tokens;
    }

    /// <summary>What is put before and after a single text when special tokens are asked for.</summary>
    private static (int[] Prefix, int[] Suffix) PostProcessor(Section? section)
    {
        if (section is not { } s)
            return ([], []);
        switch (s.Type)
        {
            case "ByteLevel":
                return ([], []);
            case "Sequence":
                return s.Objects("processors").Select(part => PostProcessor(part))
                    .Aggregate((Prefix: Array.Empty<int>(), Suffix: Array.Empty<int>()), (inner, outer) => ([.. outer.Prefix, .. inner.Prefix], [.. inner.Suffix, .. outer.Suffix]));
            case "RobertaProcessing" or "BertProcessing":
                return ([NamedId(s, "cls")], [NamedId(s, "sep")]);
            case "TemplateProcessing":
                return Template(s);
            default:
                throw s.UnsupportedType("Sequence, ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing");
        }
    }

    private static int NamedId(Section section, string name) =>
        section.Find(name) is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2 && pair[1].TryGetInt32(out var id)
            ? id
            : throw section.Wrong(name, "[token, id]");

    private static (int[] Prefix, int[] Suffix) Template(Section section)
    {
        List<int> prefix = [];
        List<int> suffix = [];
        var texts = 0;
        foreach (var part in section.Objects("single"))
        {
            if (part.Object("Sequence") is not null)
                texts++;
            else if (part.Object("SpecialToken") is { } special)
                (texts == 0 ? prefix : suffix).AddRange(SpecialIds(section, special));
            else
                throw part.Unsupported("a template part other than Sequence and SpecialToken");
        }
        return texts == 1 ? ([.. prefix], [.. suffix]) : throw section.Wrong("single", "a template with the text exactly once");
    }

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
