using System.Globalization;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Models.Export;

/// <summary>
/// A tokenizer in llama.cpp's metadata: byte-level BPE with its merges (there <c>gpt2</c>), or BPE over characters with bytes to fall back
/// on (there <c>llama</c>, SentencePiece's), whose merges become scores.
/// </summary>
public sealed class GgufVocabulary
{
    private enum TokenKind
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    /// <summary>llama.cpp looks these up in every model whose name has one of <see cref="PhiNames"/> in it, and does not load one without them.</summary>
    private static readonly string[] PhiTokens = ["<unk>", "<s>", "<|endoftext|>"];

    private static readonly string[] PhiNames = ["phi-3", "phi3"];

    private static readonly (string Field, string Key)[] SpecialIds =
        [("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"), ("pad_token", "padding_token_id"), ("sep_token", "seperator_token_id")];

    private readonly List<KeyValuePair<string, GgufValue>> _values = [];
    private readonly string?[] _tokens;
    private readonly TokenKind[] _kinds;

    private GgufVocabulary(JsonElement tokenizer, JsonElement? config, JsonElement? modelConfig, string? template, int size)
    {
        var model = tokenizer.GetProperty("model");
        if (TextOf(model, "type") is not "BPE")
            throw Bad($"llama.cpp's formats have no place for a tokenizer of type {TextOf(model, "type") ?? "none"}; BPE is written", "model.type");
        _tokens = new string?[size];
        _kinds = [.. Enumerable.Repeat(TokenKind.Normal, size)];
        var vocabulary = model.GetProperty("vocab").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt32(), StringComparer.Ordinal);
        foreach (var (token, id) in vocabulary)
            Set(id, token, TokenKind.Normal);
        var merges = Merges(model);
        var pieces = model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True;
        Add("model", GgufValue.Of(pieces ? "llama" : "gpt2"));
        Add("pre", GgufValue.Of(pieces ? "default" : GgufPreTokenizer.NameOf(tokenizer)));
        if (pieces)
            MarkBytes(TextOf(model, "unk_token"));
        AddedTokens(tokenizer);
        FillUp();
        Add("tokens", GgufValue.Of([.. _tokens.Select(t => t!)]));
        Add("token_type", GgufValue.Of([.. _kinds.Select(k => (int)k)]));
        if (pieces)
            Add("scores", GgufValue.Of(Scores(vocabulary, merges)));
        else
            Add("merges", GgufValue.Of([.. merges.Select(m => $"{m.Left} {m.Right}")]));
        Specials(tokenizer, config, modelConfig, pieces);
        if (template is not null)
            _values.Add(new("tokenizer.chat_template", GgufValue.Of(template)));
    }

    /// <param name="files">Contents by file name: tokenizer.json, tokenizer_config.json, config.json.</param>
    /// <param name="template">The chat template that the model ships, if it does.</param>
    /// <param name="size">Rows of the embedding; ids without a token are filled up.</param>
    /// <exception cref="GridException"><c>unsupported_model</c>: llama.cpp cannot split text so; <c>invalid_tokenizer</c>.</exception>
    public static GgufVocabulary Read(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files, string? template, int size)
    {
        try
        {
            using var tokenizer = JsonDocument.Parse(files["tokenizer.json"]);
            using var config = files.TryGetValue("tokenizer_config.json", out var bytes) ? JsonDocument.Parse(bytes) : null;
            using var model = files.TryGetValue("config.json", out var other) ? JsonDocument.Parse(other) : null;
            return new GgufVocabulary(tokenizer.RootElement, config?.RootElement, model?.RootElement, template, size);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new GridException(ErrorCodes.InvalidTokenizer, $"The tokenizer's files are not as they should be: {e.Message}", "tokenizer.json", e);
        }
    }

    /// <summary>A model's name as it may stand in its file.</summary>
    internal string NameFor(string name) =>
        PhiNames.Any(p => name.Contains(p, StringComparison.OrdinalIgnoreCase)) && !PhiTokens.All(t => _tokens.Contains(t)) ? "model" : name;

    internal void AddTo(GgufMetadata metadata)
    {
        foreach (var (key, value) in _values)
            metadata.Add(key, value);
    }

    internal static GridException Bad(string what, string field) => new(ErrorCodes.UnsupportedModel, $"The model cannot be written as GGUF: tokenizer.json: {what}.", field);

    private void Add(string key, GgufValue value) => _values.Add(new($"tokenizer.ggml.{key}", value));

    private void Set(int id, string token, TokenKind kind)
    {
        if ((uint)id >= (uint)_tokens.Length)
            throw Bad($"the token '{token}' has the id {id}, but the model has {_tokens.Length} tokens", "vocab");
        (_tokens[id], _kinds[id]) = (token, kind);
    }

    private void AddedTokens(JsonElement tokenizer)
    {
        if (!tokenizer.TryGetProperty("added_tokens", out var added) || added.ValueKind != JsonValueKind.Array)
            return;
        foreach (var token in added.EnumerateArray())
        {
            var id = token.GetProperty("id").GetInt32();
            if (id < _kinds.Length && _kinds[id] == TokenKind.Unknown)
                continue;
            var special = token.TryGetProperty("special", out var flag) && flag.ValueKind == JsonValueKind.True;
            Set(id, TextOf(token, "content") ?? "", special ? TokenKind.Control : TokenKind.UserDefined);
        }
    }

    private void MarkBytes(string? unknown)
    {
        for (var id = 0; id < _tokens.Length; id++)
        {
            if (_tokens[id] is { Length: 6 } token && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
                && byte.TryParse(token.AsSpan(3, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out _))
                _kinds[id] = TokenKind.Byte;
            else if (unknown is not null && _tokens[id] == unknown)
                _kinds[id] = TokenKind.Unknown;
        }
    }

    private void FillUp()
    {
        for (var id = 0; id < _tokens.Length; id++)
            if (_tokens[id] is null)
                Set(id, $"[PAD{id}]", TokenKind.Unused);
    }

    /// <summary>The earlier a merge, the higher what it makes: that one is joined first.</summary>
    private float[] Scores(Dictionary<string, int> vocabulary, List<(string Left, string Right)> merges)
    {
        var scores = Enumerable.Repeat(-(float)(merges.Count + 1), _tokens.Length).ToArray();
        for (var rank = merges.Count - 1; rank >= 0; rank--)
            if (vocabulary.TryGetValue(merges[rank].Left + merges[rank].Right, out var id))
                scores[id] = -rank;
        for (var id = 0; id < _kinds.Length; id++)
            if (_kinds[id] is TokenKind.Byte or TokenKind.Control or TokenKind.Unknown)
                scores[id] = 0;
        return scores;
    }

    private void Specials(JsonElement tokenizer, JsonElement? config, JsonElement? modelConfig, bool pieces)
    {
        foreach (var (field, key) in SpecialIds)
        {
            var named = config is { } c && c.TryGetProperty(field, out var value) ? value : default;
            var text = named.ValueKind == JsonValueKind.Object ? TextOf(named, "content") : named.ValueKind == JsonValueKind.String ? named.GetString() : null;
            var id = text is null ? IdIn(modelConfig, field) : Array.IndexOf(_tokens, text);
            if (id >= 0 && id < _tokens.Length)
                Add(key, GgufValue.Of((uint)id));
        }
        Add("add_bos_token", GgufValue.Of(GgufPreTokenizer.PutsTokenFirst(tokenizer)));
        Add("add_eos_token", GgufValue.Of(GgufPreTokenizer.PutsTokenLast(tokenizer)));
        if (pieces)
            Add("add_space_prefix", GgufValue.Of(GgufPreTokenizer.PutsSpaceFirst(tokenizer)));
    }

    private static int IdIn(JsonElement? modelConfig, string field) =>
        modelConfig is { } m && m.TryGetProperty(field + "_id", out var id) && id.ValueKind == JsonValueKind.Number ? id.GetInt32() : -1;

    private static List<(string Left, string Right)> Merges(JsonElement model)
    {
        var merges = new List<(string, string)>();
        if (!model.TryGetProperty("merges", out var list) || list.ValueKind != JsonValueKind.Array)
            return merges;
        foreach (var merge in list.EnumerateArray())
        {
            if (merge.ValueKind == JsonValueKind.Array)
            {
                merges.Add((merge[0].GetString()!, merge[1].GetString()!));
                continue;
            }
            var text = merge.GetString()!;
            var space = text.IndexOf(' ', 1);
            merges.Add((text[..space], text[(space + 1)..]));
        }
        return merges;
    }

    private static string? TextOf(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
