using System.Text.Json;

namespace FineTuneGrid.Models.Export;

/// <summary>
/// llama.cpp knows by name how a tokenizer splits text before its merges. The names are told by what tokenizer.json says; what none of
/// them does is refused, since the ids would differ.
/// </summary>
internal static class GgufPreTokenizer
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Tail = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string Before = @"[^\r\n\p{L}\p{N}]?";
    private const string SlashTail = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Splitting by expressions, then bytes.</summary>
    private static readonly Dictionary<string, string> ByExpression = new(StringComparer.Ordinal)
    {
        [$@"{Contractions}|{Before}\p{{L}}+|\p{{N}}|{Tail}"] = "qwen2",
        [$@"{Contractions}|{Before}\p{{L}}+|\p{{N}}{{1,3}}|{Tail}"] = "dbrx",
        [$"{Before}{Upper}*{Lower}+|{Before}{Upper}+{Lower}*|\\p{{N}}|{SlashTail}"] = "tekken",
        [$"{Before}{Upper}*{Lower}+{Contractions}?|{Before}{Upper}+{Lower}*{Contractions}?|\\p{{N}}{{1,3}}|{SlashTail}"] = "gpt-4o",
        [@" ?[^(\s|[.,!?…。，、।۔،])]+"] = "bloom",
    };

    private static readonly Dictionary<string, string> ByParts = new(StringComparer.Ordinal)
    {
        ["words"] = "gpt-2",
        ["digits, words"] = "starcoder",
        ["punctuation, words, numbers, [0-9][0-9][0-9]"] = "falcon",
        // No word is ever joined: the ids of such a model come as ids.
        [""] = "default",
    };

    /// <exception cref="Contracts.GridException"><c>unsupported_model</c>.</exception>
    public static string NameOf(JsonElement tokenizer)
    {
        if (Part(tokenizer, "normalizer") is { } normalizer && All(normalizer, "normalizers").Any(n => Type(n) != "NFC"))
            throw GgufVocabulary.Bad("its normalizer changes text, which llama.cpp does not do before byte-level BPE", "normalizer");
        string[] parts = [.. Part(tokenizer, "pre_tokenizer") is { } split ? All(split, "pretokenizers").Select(Describe) : []];
        if (parts is [_, "bytes"] && ByExpression.TryGetValue(parts[0], out var name))
            // Llama 3 takes a whole word that is a token before any merge.
            return name == "dbrx" && tokenizer.GetProperty("model").TryGetProperty("ignore_merges", out var ignore) && ignore.ValueKind == JsonValueKind.True ? "llama-bpe" : name;
        var signature = string.Join(", ", parts);
        var merges = tokenizer.GetProperty("model").TryGetProperty("merges", out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0;
        return ByParts.TryGetValue(signature, out name) && (signature.Length > 0 || !merges) ? name
            : throw GgufVocabulary.Bad($"llama.cpp has no name here for a tokenizer that splits text by ({signature})", "pre_tokenizer");
    }

    /// <summary>Whether the post-processor begins a text with a token such as bos.</summary>
    public static bool PutsTokenFirst(JsonElement tokenizer) => Template(tokenizer) is [var first, ..] && first.TryGetProperty("SpecialToken", out _);

    public static bool PutsTokenLast(JsonElement tokenizer) => Template(tokenizer) is [.., var last] && last.TryGetProperty("SpecialToken", out _);

    /// <summary>Whether a text is taken as if it began with a space, as SentencePiece does.</summary>
    public static bool PutsSpaceFirst(JsonElement tokenizer) =>
        (Part(tokenizer, "normalizer") is { } n && All(n, "normalizers").Any(p => Type(p) == "Prepend"))
        || (Part(tokenizer, "pre_tokenizer") is { } s && All(s, "pretokenizers").Any(p => Type(p) == "Metaspace"
            && (p.TryGetProperty("prepend_scheme", out var scheme) ? scheme.GetString() != "never" : !p.TryGetProperty("add_prefix_space", out var add) || add.ValueKind == JsonValueKind.True)));

    private static JsonElement[] Template(JsonElement tokenizer) => Part(tokenizer, "post_processor") is { } post
        && All(post, "processors").Where(p => Type(p) == "TemplateProcessing").Select(p => p.GetProperty("single")).ToList() is [var single, ..]
        ? [.. single.EnumerateArray()] : [];

    private static string Describe(JsonElement part) => Type(part) switch
    {
        "Split" when TextOf(part.GetProperty("pattern")) is { } text => text,
        "ByteLevel" => part.TryGetProperty("use_regex", out var words) && words.ValueKind == JsonValueKind.False ? "bytes" : "words",
        "Digits" => part.TryGetProperty("individual_digits", out var single) && single.ValueKind == JsonValueKind.True ? "digits" : "numbers",
        "Punctuation" => "punctuation",
        var other => other ?? "nothing",
    };

    private static string? TextOf(JsonElement pattern) =>
        pattern.TryGetProperty("Regex", out var regex) ? regex.GetString() : pattern.TryGetProperty("String", out var text) ? text.GetString() : null;

    private static JsonElement? Part(JsonElement tokenizer, string name) =>
        tokenizer.TryGetProperty(name, out var part) && part.ValueKind == JsonValueKind.Object ? part : null;

    /// <summary>A sequence's parts, or the part itself.</summary>
    private static IEnumerable<JsonElement> All(JsonElement part, string list) => Type(part) == "Sequence" ? part.GetProperty(list).EnumerateArray() : [part];

    private static string? Type(JsonElement part) => part.TryGetProperty("type", out var type) ? type.GetString() : null;
}
