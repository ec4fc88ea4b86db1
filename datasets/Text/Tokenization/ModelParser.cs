using System.Text.Json;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Reads the model of tokenizer.json: BPE, Unigram, WordPiece or WordLevel.</summary>
internal static class ModelParser
{
    private const int MaximumId = TokenizerParser.MaximumId;

    /// <summary>The type; files written before there was one are told by their fields.</summary>
    public static string TypeOf(Section section)
    {
        if (section.OptionalText("type") is { } type)
            return type;
        if (section.Find("merges") is not null)
            return "BPE";
        if (section.Find("vocab") is { ValueKind: JsonValueKind.Array })
            return "Unigram";
        return section.Find("continuing_subword_prefix") is not null ? "WordPiece" : "WordLevel";
    }

    /// <param name="byteLevel">Whether the pieces come as text whose bytes are to be cut.</param>
    public static TokenModel Parse(Section section, string type, bool byteLevel) => type switch
    {
        "BPE" => Bpe(section, byteLevel),
        "Unigram" => Unigram(section),
        "WordPiece" => new WordPieceModel(Vocabulary(section), section.Text("unk_token"), section.Text("continuing_subword_prefix"), section.Number("max_input_chars_per_word")),
        "WordLevel" => new WordLevelModel(Vocabulary(section), section.Text("unk_token")),
        _ => throw section.Unsupported($"type '{type}' (supported: BPE, Unigram, WordPiece, WordLevel)"),
    };

    private static UnigramModel Unigram(Section section)
    {
        if (section.Find("vocab") is not { ValueKind: JsonValueKind.Array } vocab || vocab.GetArrayLength() is 0 or > MaximumId)
            throw section.Wrong("vocab", $"a list of 1 to {MaximumId} pairs [token, score]");
        List<(string, double)> tokens = new(vocab.GetArrayLength());
        foreach (var entry in vocab.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number || !double.IsFinite(entry[1].GetDouble()))
                throw section.Wrong($"vocab[{tokens.Count}]", "[token, score]");
            tokens.Add((entry[0].GetString()!, entry[1].GetDouble()));
        }
        int? unknown = section.Find("unk_id") is null ? null : section.Number("unk_id");
        if (unknown >= tokens.Count)
            throw section.Wrong("unk_id", $"below the vocabulary's {tokens.Count}");
        return new UnigramModel(tokens, unknown, section.Flag("byte_fallback", false));
    }

    private static BpeModel Bpe(Section section, bool byteLevel)
    {
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
}
