using System.Text.Json;

namespace FineTuneGrid.Contracts.Inspection;

/// <summary>Ids of a text, or of a conversation in the model's chat template. Exactly one of prompt and messages is set.</summary>
/// <param name="Model">Its tokenizer files are read; nothing else of it is.</param>
/// <param name="Prompt">A text; special tokens spelt in it become their ids.</param>
/// <param name="Messages">A JSON list of {role, content, ...}.</param>
/// <param name="Tools">A JSON list for the template, or null.</param>
/// <param name="TemplateVariables">A JSON object of further variables for the template, or null.</param>
/// <param name="AddSpecialTokens">Whether the tokenizer's own tokens (such as bos) are put around the text.</param>
/// <param name="AddGenerationPrompt">Whether the conversation ends where the assistant is to speak.</param>
/// <param name="ContinueFinalMessage">Whether the last message is left open, to be continued.</param>
public sealed record TokenizeTextRequest(
    ModelManifest Model,
    string? Prompt,
    JsonElement? Messages,
    JsonElement? Tools,
    JsonElement? TemplateVariables,
    bool AddSpecialTokens,
    bool AddGenerationPrompt,
    bool ContinueFinalMessage);

/// <param name="TokenStrings">Each id as the vocabulary spells it.</param>
public sealed record TokenizedTextReply(IReadOnlyList<int> Tokens, IReadOnlyList<string> TokenStrings);

/// <summary>The text of ids, special tokens included.</summary>
public sealed record DetokenizeRequest(ModelManifest Model, IReadOnlyList<int> Tokens);
