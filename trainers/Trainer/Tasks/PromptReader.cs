using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Text;
using FineTuneGrid.Text.Json;
using FineTuneGrid.Trainer.Models;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Turns prompts into ids and ids into texts, with the model's own tokenizer and template.</summary>
internal sealed class PromptReader(ModelStore models, ModelManifest model)
{
    private readonly Lazy<ModelText> _text = new(() => ModelText.Load(model.Files
        .Where(f => ModelText.FileNames.Contains(f.Path))
        .ToDictionary(f => f.Path, f => new ReadOnlyMemory<byte>(models.Bytes(f)), StringComparer.Ordinal)));

    /// <summary>The chat template that the model brought, or null.</summary>
    public string? TemplateText => _text.Value.TemplateText;

    public IReadOnlySet<int> StopIds => _text.Value.StopIds;

    /// <param name="chat">Whether the prompt is a user's message for the chat template, or a text to continue as it is.</param>
    public int[] Encode(string prompt, bool chat)
    {
        if (!chat) return _text.Value.EncodePrompt(prompt);
        var messages = JsonSerializer.SerializeToElement(new[] { new { role = "user", content = prompt } });
        return EncodeChat(messages);
    }

    /// <summary>A conversation as the model's template writes it, up to where the assistant is to speak.</summary>
    /// <param name="messages">As a client sends them, held to what rows of a data set are held to.</param>
    /// <exception cref="GridException"><c>invalid_value</c>, naming the message; <c>invalid_template</c>.</exception>
    public int[] EncodeChat(JsonElement messages)
    {
        const string field = "messages";
        try
        {
            using var document = StrictJson.Parse(Encoding.UTF8.GetBytes(messages.GetRawText()), field);
            return new ChatRenderer(_text.Value).EncodePrompt(new ChatPrompt(ChatPrompt.ReadMessages(document.RootElement))).Ids;
        }
        catch (GridException problem) when (problem.Code == ErrorCodes.InvalidJson)
        {
            throw new GridException(ErrorCodes.InvalidValue, problem.Message, field, problem);
        }
    }

    /// <inheritdoc cref="ModelText.EncodeToClassify"/>
    public (int[] Ids, int[] Types) EncodeToClassify(string text, string? pair) => _text.Value.EncodeToClassify(text, pair);

    public string Decode(IEnumerable<int> ids) => _text.Value.Tokenizer.Decode([.. ids]);

    /// <summary>Reads a sequence of ids piece by piece.</summary>
    public TokenPieces Pieces() => new(_text.Value.Tokenizer);
}
