using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Json;
using FineTuneGrid.Text.Tokenization;

namespace FineTuneGrid.Text;

/// <summary>Everything of a model folder that decides how text becomes tokens: tokenizer, special tokens, chat template, stop tokens.</summary>
public sealed class ModelText
{
    /// <summary>The files that are read, where present.</summary>
    public static readonly IReadOnlyList<string> FileNames =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "config.json", "chat_template.jinja", "chat_template.json"];

    /// <summary>
    /// The template of a model that brings none: each turn under a plain heading, eos at the end of what the assistant says.
    /// <code>
    /// ### user
    /// What is 2 + 2?
    /// ### assistant
    /// 4&lt;eos&gt;
    /// </code>
    /// </summary>
    public const string DefaultTemplate =
        "{{- default_bos -}}{%- for message in messages -%}{{- '### ' + message['role'] + '\n' -}}" +
        "{%- if message['role'] == 'assistant' -%}{%- generation -%}{{- message['content'] + eos_token -}}{%- endgeneration -%}{{- '\n' -}}" +
        "{%- else -%}{{- message['content'] + '\n' -}}{%- endif -%}{%- endfor -%}" +
        "{%- if add_generation_prompt -%}{{- '### assistant\n' -}}{%- endif -%}";

    private readonly Dictionary<string, JsonElement> _variables = new(StringComparer.Ordinal);

    private ModelText(Tokenizer tokenizer, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files)
    {
        Tokenizer = tokenizer;
        var special = SpecialTokens(files);
        BosToken = special.GetValueOrDefault("bos_token");
        EosToken = special.GetValueOrDefault("eos_token");
        StopIds = ReadStopIds(files);
        Control = Tokenizer.Control(Tokenizer.SpecialIds.Concat(StopIds).Concat(special.Values.Select(Tokenizer.IdOf).OfType<int>()));
        var source = TemplateSource(files);
        TemplateText = source;
        Template = ChatTemplate.Parse(source ?? DefaultTemplate);
        foreach (var (name, token) in special)
            _variables[name] = JsonSerializer.SerializeToElement(token);
        if (!HasTemplate)
        {
            var bos = BosToken is not null && Tokenizer.IdOf(BosToken) is { } id && Tokenizer.Prefix.Contains(id) ? BosToken : "";
            _variables["default_bos"] = JsonSerializer.SerializeToElement(bos);
            _variables.TryAdd("eos_token", JsonSerializer.SerializeToElement(""));
        }
        Digest = Identity();
    }

    public Tokenizer Tokenizer { get; }

    public ChatTemplate Template { get; }

    /// <summary>Whether the model brought a chat template; if not, <see cref="DefaultTemplate"/> stands in.</summary>
    public bool HasTemplate => TemplateText is not null;

    /// <summary>The source of the template that the model brought; null where it brought none.</summary>
    public string? TemplateText { get; }

    public string? BosToken { get; }

    public string? EosToken { get; }

    public int? EosId => EosToken is null ? null : Tokenizer.IdOf(EosToken);

    /// <summary>The ids that end a generation: eos_token and the eos_token_id of generation_config.json and config.json.</summary>
    public IReadOnlySet<int> StopIds { get; }

    /// <summary>
    /// The tokens that steer the model: those marked special, those that tokenizer_config.json gives a part (bos, eos, pad ...), and
    /// those that end a generation. In a conversation only the template writes them.
    /// </summary>
    internal ControlTokens Control { get; }

    /// <summary>SHA-256 over all that decides the tokens of a text: tokenizer, template, special tokens, stop ids.</summary>
    public string Digest { get; }

    /// <summary>The special tokens as template variables.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables => _variables;

    /// <param name="files">Contents by file name; see <see cref="FileNames"/>. tokenizer.json is required.</param>
    /// <exception cref="GridException"><c>invalid_tokenizer</c> or <c>invalid_template</c>.</exception>
    public static ModelText Load(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files)
    {
        if (!files.TryGetValue("tokenizer.json", out var tokenizer))
            throw new GridException(ErrorCodes.InvalidTokenizer, "The model has no tokenizer.json; add it to the model's files.", "tokenizer.json");
        return new ModelText(Tokenizer.Parse(tokenizer), files);
    }

    /// <summary>Reads the files from a folder.</summary>
    public static ModelText LoadFolder(string folder) => Load(FileNames
        .Select(name => (Name: name, Path: Path.Combine(folder, name)))
        .Where(f => File.Exists(f.Path))
        .ToDictionary(f => f.Name, f => new ReadOnlyMemory<byte>(File.ReadAllBytes(f.Path)), StringComparer.Ordinal));

    /// <summary>The ids of a text that the model is to continue: what the tokenizer puts before a text, but not what it puts after.</summary>
    public int[] EncodePrompt(string text) => [.. Tokenizer.Prefix, .. Tokenizer.Encode(text, addSpecialTokens: false)];

    /// <summary>A text, or two, as a classifier reads them: with all that the tokenizer puts around them, and the segment of each token.</summary>
    /// <exception cref="GridException"><c>invalid_tokenizer</c>: tokenizer.json does not say how two texts are joined, or has more than two segments.</exception>
    public (int[] Ids, int[] Types) EncodeToClassify(string text, string? pair)
    {
        if (pair is null)
        {
            var ids = Tokenizer.Encode(text);
            return (ids, new int[ids.Length]);
        }
        var both = Tokenizer.EncodePair(text, pair);
        return both.TypeIds.All(t => t is 0 or 1) && both.TypeIds is not [1, ..]
            ? both
            : throw new GridException(ErrorCodes.InvalidTokenizer, "tokenizer.json: the template of a pair must begin with segment 0 and have segments 0 and 1 only.", "$.post_processor");
    }

    private static JsonElement? ReadObject(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files, string name)
    {
        if (!files.TryGetValue(name, out var bytes))
            return null;
        if (bytes.Length > TokenizerParser.MaximumBytes)
            throw new GridException(ErrorCodes.TooLarge, $"{name} is {bytes.Length} bytes; at most {TokenizerParser.MaximumBytes} are read.", name);
        try
        {
            using var document = StrictJson.Parse(bytes, name);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new GridException(ErrorCodes.InvalidTokenizer, $"{name} must hold one JSON object.", name);
        }
        catch (GridException problem) when (problem.Code == ErrorCodes.InvalidJson)
        {
            throw new GridException(ErrorCodes.InvalidTokenizer, problem.Message, name, problem);
        }
    }

    private static Dictionary<string, string> SpecialTokens(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files)
    {
        Dictionary<string, string> tokens = new(StringComparer.Ordinal);
        foreach (var file in new[] { "special_tokens_map.json", "tokenizer_config.json" })
        {
            if (ReadObject(files, file) is not { } root)
                continue;
            foreach (var property in root.EnumerateObject())
            {
                if (!property.Name.EndsWith("_token", StringComparison.Ordinal))
                    continue;
                var value = property.Value.ValueKind == JsonValueKind.Object && property.Value.TryGetProperty("content", out var content) ? content : property.Value;
                if (value.ValueKind == JsonValueKind.String)
                    tokens[property.Name] = value.GetString()!;
            }
        }
        return tokens;
    }

    private static string? TemplateSource(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files)
    {
        if (files.TryGetValue("chat_template.jinja", out var jinja))
        {
            return System.Text.Unicode.Utf8.IsValid(jinja.Span)
                ? Encoding.UTF8.GetString(jinja.Span)
                : throw new GridException(ErrorCodes.InvalidTemplate, "chat_template.jinja is not valid UTF-8.", "chat_template.jinja");
        }
        foreach (var file in new[] { "chat_template.json", "tokenizer_config.json" })
        {
            if (ReadObject(files, file) is not { } root || !root.TryGetProperty("chat_template", out var value) || value.ValueKind == JsonValueKind.Null)
                continue;
            return value.ValueKind switch
            {
                JsonValueKind.String => value.GetString(),
                JsonValueKind.Array => Named(value) ?? throw new GridException(ErrorCodes.InvalidTemplate, $"{file}: chat_template is a list without one named 'default'.", "chat_template"),
                _ => throw new GridException(ErrorCodes.InvalidTemplate, $"{file}: chat_template must be a string or a list of named templates.", "chat_template"),
            };
        }
        return null;
    }

    private static string? Named(JsonElement list)
    {
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
                && name.GetString() == "default" && item.TryGetProperty("template", out var template) && template.ValueKind == JsonValueKind.String)
                return template.GetString();
        }
        return null;
    }

    private HashSet<int> ReadStopIds(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files)
    {
        HashSet<int> ids = EosId is { } eos ? [eos] : [];
        foreach (var file in new[] { "generation_config.json", "config.json" })
        {
            if (ReadObject(files, file) is not { } root || !root.TryGetProperty("eos_token_id", out var value))
                continue;
            foreach (var item in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value])
            {
                if (item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var id) && Tokenizer.TokenOf(id) is not null)
                    ids.Add(id);
            }
        }
        return ids;
    }

    private string Identity()
    {
        var text = new StringBuilder().Append(Tokenizer.Digest).Append('\n').Append(Template.Digest).Append('\n');
        foreach (var (name, value) in _variables.OrderBy(v => v.Key, StringComparer.Ordinal))
            text.Append(name).Append('=').Append(value.GetRawText()).Append('\n');
        text.AppendJoin(',', StopIds.Order());
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
