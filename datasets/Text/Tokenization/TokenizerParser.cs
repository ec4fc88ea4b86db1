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
    PostProcessor PostProcessor);

/// <summary>Reads tokenizer.json strictly: anything that would change ids and is not supported is refused by name.</summary>
internal static class TokenizerParser
{
    public const int MaximumBytes = 64 << 20;

    /// <summary>No published vocabulary comes near; a larger id would only serve to ask for memory.</summary>
    public const int MaximumId = 1 << 22;

    public static TokenizerParts Parse(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MaximumBytes)
            throw new GridException(ErrorCodes.TooLarge, $"tokenizer.json is {utf8.Length} bytes; at most {MaximumBytes} are read.", "tokenizer.json");
        using var document = Read(utf8);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new GridException(ErrorCodes.InvalidTokenizer, "tokenizer.json must hold one JSON object.", "tokenizer.json");
        var root = new Section(document.RootElement, "$");
        var modelSection = root.Object("model") ?? throw root.Wrong("model", "an object");
        var type = ModelParser.TypeOf(modelSection);
        var preTokenizer = ComponentParser.PreTokenizer(root.Object("pre_tokenizer"), bytesByModel: type == "BPE", out var byteLevel);
        var model = ModelParser.Parse(modelSection, type, byteLevel);
        return new TokenizerParts(model, ComponentParser.Normalizer(root.Object("normalizer")), preTokenizer,
            ComponentParser.Decoder(root.Object("decoder")), AddedTokens(root, model), PostProcessor.Parse(root.Object("post_processor")));
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
}
