using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>
/// A random BERT of about 20,000 parameters with a tokenizer of whole words: a folder of the pretrained kind, with the heads that it was
/// pretrained with and none over classes. The same bytes every time.
/// </summary>
internal static class TinyBert
{
    public const int Words = 60;
    private const int Special = 4;
    private const int Vocabulary = Special + Words;
    private const int Hidden = 32;
    private const int Inner = 64;

    public static (string Path, byte[] Bytes)[] Files { get; } =
    [
        ("config.json", Encoding.UTF8.GetBytes(Config)),
        ("model.safetensors", Weights()),
        ("tokenizer.json", Encoding.UTF8.GetBytes(Tokenizer())),
        ("tokenizer_config.json", """{"tokenizer_class": "BertTokenizer", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}"""u8.ToArray()),
    ];

    private const string Config = """
        {"architectures": ["BertForPreTraining"], "model_type": "bert", "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "max_position_embeddings": 48, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0}
        """;

    /// <summary>Texts of some of the words, labelled by which of them occur.</summary>
    /// <param name="classes">Each has three words of its own; the others are common.</param>
    /// <param name="word">How a word is spelt; null for those of the tokenizer.</param>
    public static byte[] Rows(int rows, int seed, string[] classes, Func<int, string>? word = null)
    {
        word ??= Word;
        var (random, text) = (new Random(seed), new StringBuilder());
        for (var i = 0; i < rows; i++)
        {
            var label = random.Next(classes.Length);
            string[] words = [.. Enumerable.Range(0, random.Next(3, 9)).Select(_ => word(random.Next(20, Words))), word(3 * label + random.Next(3)), word(3 * label + random.Next(3))];
            random.Shuffle(words);
            text.Append(new JsonObject { ["text"] = string.Join(' ', words), ["label"] = classes[label] }.ToJsonString()).Append('\n');
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    public static string Word(int number) => string.Create(CultureInfo.InvariantCulture, $"w{number}");

    private static string Tokenizer()
    {
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
        var vocabulary = new JsonObject(special.Concat(Enumerable.Range(0, Words).Select(Word)).Select((word, id) => KeyValuePair.Create(word, (JsonNode?)id)));
        var json = JsonNode.Parse("""
            {"version": "1.0",
             "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
             "pre_tokenizer": {"type": "BertPreTokenizer"},
             "post_processor": {"type": "TemplateProcessing",
               "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
               "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                        {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
               "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
             "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}}
            """)!;
        json["added_tokens"] = new JsonArray([.. special.Select((token, id) => new JsonObject
        {
            ["id"] = id, ["content"] = token, ["special"] = true, ["normalized"] = false, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
        })]);
        json["model"]!["vocab"] = vocabulary;
        return json.ToJsonString();
    }

    private static IEnumerable<(string Name, int[] Shape)> Shapes()
    {
        yield return ("bert.embeddings.word_embeddings.weight", [Vocabulary, Hidden]);
        yield return ("bert.embeddings.position_embeddings.weight", [48, Hidden]);
        yield return ("bert.embeddings.token_type_embeddings.weight", [2, Hidden]);
        foreach (var norm in Norm("bert.embeddings.LayerNorm")) yield return norm;
        for (var i = 0; i < 2; i++)
        {
            var at = $"bert.encoder.layer.{i}";
            foreach (var part in new[] { "query", "key", "value" })
                foreach (var linear in Linear($"{at}.attention.self.{part}", Hidden, Hidden)) yield return linear;
            foreach (var linear in Linear($"{at}.attention.output.dense", Hidden, Hidden)) yield return linear;
            foreach (var norm in Norm($"{at}.attention.output.LayerNorm")) yield return norm;
            foreach (var linear in Linear($"{at}.intermediate.dense", Inner, Hidden)) yield return linear;
            foreach (var linear in Linear($"{at}.output.dense", Hidden, Inner)) yield return linear;
            foreach (var norm in Norm($"{at}.output.LayerNorm")) yield return norm;
        }
        foreach (var linear in Linear("bert.pooler.dense", Hidden, Hidden)) yield return linear;
        foreach (var linear in Linear("cls.predictions.transform.dense", Hidden, Hidden)) yield return linear;
        yield return ("cls.predictions.bias", [Vocabulary]);
    }

    private static (string, int[])[] Linear(string module, int outputs, int inputs) => [(module + ".weight", [outputs, inputs]), (module + ".bias", [outputs])];

    /// <summary>As the first published folders name them.</summary>
    private static (string, int[])[] Norm(string module) => [(module + ".gamma", [Hidden]), (module + ".beta", [Hidden])];

    private static byte[] Weights()
    {
        var (random, header, data) = (new Random(20181011), new JsonObject(), new MemoryStream());
        var bytes = new byte[4];
        foreach (var (name, shape) in Shapes())
        {
            var start = data.Length;
            for (var i = shape.Aggregate(1, (a, b) => a * b); i > 0; i--)
            {
                BinaryPrimitives.WriteSingleLittleEndian(bytes, (name.EndsWith("gamma", StringComparison.Ordinal) ? 1 : 0) + (float)(random.NextDouble() - 0.5) * 0.5f);
                data.Write(bytes);
            }
            header[name] = new JsonObject
            {
                ["dtype"] = "F32", ["shape"] = new JsonArray([.. shape.Select(d => (JsonNode)d)]), ["data_offsets"] = new JsonArray(start, data.Length),
            };
        }
        var json = Encoding.UTF8.GetBytes(header.ToJsonString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data.ToArray()];
    }
}
