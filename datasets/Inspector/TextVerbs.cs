using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Inspector;

/// <summary>Text to ids and back with a model's own tokenizer and template.</summary>
internal static class TextVerbs
{
    public static async Task<TokenizedTextReply> TokenizeAsync(IBlobStore store, TokenizeTextRequest request)
    {
        var model = await DatasetTokenizer.LoadAsync(store, request.Model);
        var ids = request.Prompt is { } text ? model.Tokenizer.Encode(text, request.AddSpecialTokens) : Chat(model, request);
        return new TokenizedTextReply(ids, [.. ids.Select(id => model.Tokenizer.TokenOf(id) ?? "")]);
    }

    public static async Task<string> DetokenizeAsync(IBlobStore store, DetokenizeRequest request)
    {
        var tokenizer = (await DatasetTokenizer.LoadAsync(store, request.Model)).Tokenizer;
        for (var i = 0; i < request.Tokens.Count; i++)
        {
            if (tokenizer.TokenOf(request.Tokens[i]) is null)
                throw new GridException(ErrorCodes.InvalidValue, $"tokens[{i}] is {request.Tokens[i]}, which the vocabulary of {tokenizer.VocabularySize} does not have.", $"tokens[{i}]");
        }
        return tokenizer.Decode([.. request.Tokens], skipSpecialTokens: false);
    }

    private static int[] Chat(ModelText model, TokenizeTextRequest request)
    {
        if (request.Messages is not { } messages)
            throw new GridException(ErrorCodes.MissingField, "prompt or messages is required.", "prompt");
        var prompt = new ChatPrompt(ChatPrompt.ReadMessages(Strict(messages, "messages")!.Value), Strict(request.Tools, "tools"), Strict(request.TemplateVariables, "chat_template_kwargs"), request.AddGenerationPrompt, request.ContinueFinalMessage);
        return new ChatRenderer(model).EncodePrompt(prompt, request.AddSpecialTokens).Ids;
    }

    /// <summary>A client's JSON, held to what rows of a data set are held to: it is read as text nowhere before.</summary>
    private static JsonElement? Strict(JsonElement? value, string field)
    {
        if (value is not { } given)
            return null;
        try
        {
            using var document = StrictJson.Parse(Encoding.UTF8.GetBytes(given.GetRawText()), field);
            return document.RootElement.Clone();
        }
        catch (GridException problem)
        {
            throw new GridException(ErrorCodes.InvalidValue, problem.Message, field, problem);
        }
    }
}
