using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FineTuneGrid.SampleMaker;

/// <summary>
/// Byte-pair encoding (Sennrich, Haddow, Birch 2016) over bytes, with GPT-2's way of writing bytes as characters, so that the
/// result is an ordinary Hugging Face tokenizer.json.
/// </summary>
public static partial class BpeTrainer
{
    public const string Eos = "<|end|>";

    public static string Train(IEnumerable<string> texts, int vocabularySize)
    {
        var characters = ByteCharacters();
        var words = Count(texts, characters);
        var vocabulary = new List<string> { Eos };
        vocabulary.AddRange(characters);
        var merges = new List<(string Left, string Right)>();
        while (vocabulary.Count < vocabularySize && MostFrequentPair(words) is { } pair)
        {
            merges.Add(pair);
            vocabulary.Add(pair.Left + pair.Right);
            foreach (var word in words) Merge(word.Symbols, pair);
        }
        return ToJson(vocabulary, merges);
    }

    private sealed record Word(List<string> Symbols, long Count);

    private static List<Word> Count(IEnumerable<string> texts, string[] characters)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            foreach (Match match in Pretokens().Matches(text))
                counts[match.Value] = counts.GetValueOrDefault(match.Value) + 1;
        }
        return [.. counts.Select(c => new Word([.. Encoding.UTF8.GetBytes(c.Key).Select(b => characters[b])], c.Value))];
    }

    private static (string Left, string Right)? MostFrequentPair(List<Word> words)
    {
        var pairs = new Dictionary<(string, string), long>();
        foreach (var word in words)
        {
            for (var i = 0; i + 1 < word.Symbols.Count; i++)
            {
                var pair = (word.Symbols[i], word.Symbols[i + 1]);
                pairs[pair] = pairs.GetValueOrDefault(pair) + word.Count;
            }
        }
        if (pairs.Count == 0) return null;
        return pairs.OrderByDescending(p => p.Value).ThenBy(p => p.Key.Item1 + "\0" + p.Key.Item2, StringComparer.Ordinal).First().Key;
    }

    private static void Merge(List<string> symbols, (string Left, string Right) pair)
    {
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            if (symbols[i] != pair.Left || symbols[i + 1] != pair.Right) continue;
            symbols[i] += symbols[i + 1];
            symbols.RemoveAt(i + 1);
        }
    }

    /// <summary>GPT-2's table: printable bytes stand for themselves, the others are moved to U+0100 and above.</summary>
    private static string[] ByteCharacters()
    {
        var characters = new string[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
        {
            var printable = b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174;
            characters[b] = ((char)(printable ? b : next++)).ToString();
        }
        return characters;
    }

    private static string ToJson(List<string> vocabulary, List<(string Left, string Right)> merges)
    {
        var byteLevel = () => new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        var ids = new JsonObject();
        for (var i = 0; i < vocabulary.Count; i++) ids[vocabulary[i]] = i;
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray(new JsonObject
            {
                ["id"] = 0, ["content"] = Eos, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            }),
            ["normalizer"] = null,
            ["pre_tokenizer"] = byteLevel(),
            ["post_processor"] = null,
            ["decoder"] = byteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = null, ["continuing_subword_prefix"] = null, ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false, ["byte_fallback"] = false, ["ignore_merges"] = false, ["vocab"] = ids,
                ["merges"] = new JsonArray([.. merges.Select(m => (JsonNode)new JsonArray(m.Left, m.Right))]),
            },
        };
        return tokenizer.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    /// <summary>GPT-2's pre-tokenizer, as ByteLevel with use_regex applies it.</summary>
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Pretokens();
}
