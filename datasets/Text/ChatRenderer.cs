using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text;

/// <summary>
/// Renders conversations with a model's chat template and finds exactly what the assistant says, end-of-turn token included:
/// by {% generation %} where the template has it; else by rendering turn by turn; else, where the template writes earlier turns
/// differently once later ones follow, by where the content ends up in the finished text. Control tokens come from the template
/// alone: what messages spell like one (<c>&lt;/s&gt;</c>, <c>&lt;|im_end|&gt;</c>) is tokenised as the text that it is.
/// </summary>
public sealed class ChatRenderer(ModelText model)
{
    private static readonly JsonElement True = JsonSerializer.SerializeToElement(true);
    private static readonly JsonElement False = JsonSerializer.SerializeToElement(false);

    private readonly string[] _specialTokens = [.. model.Tokenizer.SpecialIds.Select(id => model.Tokenizer.TokenOf(id)!)
        .Concat(model.EosToken is { Length: > 0 } eos ? [eos] : []).Where(token => token.Length > 0).Distinct()];

    /// <summary>The text that the model is to continue; its ids are <see cref="EncodePrompt"/>'s.</summary>
    public RenderedText RenderPrompt(ChatPrompt prompt)
    {
        var (values, marks) = LiteralMarks.Set(model.Control, prompt.Messages, prompt.Tools, prompt.Variables);
        var messages = values[0]!.Value;
        var rendered = Render(messages, values[1], prompt.AddGenerationPrompt, values[2]);
        if (prompt.ContinueFinalMessage)
            rendered = new RenderedText(rendered.Text[..EndOfFinalMessage(messages, rendered.Text)], []);
        return marks?.TakeOut(rendered) ?? rendered;
    }

    /// <summary>The ids of a prompt, and the range of the rendered text that each came from.</summary>
    public TokenizedText EncodePrompt(ChatPrompt prompt, bool addSpecialTokens = false) => Encode(RenderPrompt(prompt), addSpecialTokens);

    /// <summary>A finished conversation with the ranges to learn: what the assistant says, save in messages of <c>weight</c> 0.</summary>
    /// <exception cref="GridException"><c>invalid_template</c> where the template fails, or the ranges cannot be found.</exception>
    public RenderedText RenderConversation(JsonElement messages, JsonElement? tools = null)
    {
        var (values, marks) = LiteralMarks.Set(model.Control, messages, tools);
        var rendered = Conversation(values[0]!.Value, values[1]);
        return marks?.TakeOut(rendered) ?? rendered;
    }

    private RenderedText Conversation(JsonElement messages, JsonElement? tools)
    {
        var final = Render(messages, tools, generationPrompt: false);
        if (model.Template.HasGeneration)
            return Weighted(messages, final);
        var assistants = messages.EnumerateArray().Select((m, i) => (m, i)).Where(p => IsAssistant(p.m) && IsLearnt(p.m)).Select(p => p.i).ToList();
        var count = messages.GetArrayLength();
        List<(int, int)> spans = [];
        foreach (var index in assistants)
        {
            var span = ByPrefix(messages, tools, index, index == count - 1, final.Text)
                ?? ByContent(messages, tools, index, final.Text)
                ?? throw new GridException(ErrorCodes.InvalidTemplate,
                    $"The chat template does not let the assistant's turn at messages[{index}] be found in its text: it writes earlier turns differently when later ones follow. "
                    + "Mark the turn with {% generation %} ... {% endgeneration %} in the template.", "chat_template");
            spans.Add(span);
        }
        return new RenderedText(final.Text, spans);
    }

    /// <summary>Ids and labels of a conversation; only what the assistant says is to be learnt.</summary>
    public TrainingExample Tokenize(JsonElement messages, JsonElement? tools = null)
    {
        var rendered = RenderConversation(messages, tools);
        var tokens = Encode(rendered, addSpecialTokens: false);
        return new TrainingExample(tokens.Ids, Labels(tokens, rendered.Spans));
    }

    /// <summary>Labels where tokens touch a range; a token that reaches over an edge belongs to the range.</summary>
    public static int[] Labels(TokenizedText tokens, IReadOnlyList<(int Start, int End)> spans)
    {
        var labels = new int[tokens.Count];
        var at = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            while (at < spans.Count && spans[at].End <= tokens.Starts[i])
                at++;
            var inside = at < spans.Count && tokens.Starts[i] < tokens.Ends[i] && tokens.Ends[i] > spans[at].Start;
            labels[i] = inside ? tokens.Ids[i] : TrainingExample.Masked;
        }
        return labels;
    }

    private TokenizedText Encode(RenderedText rendered, bool addSpecialTokens)
    {
        if (rendered.Literals.Count == 0)
            return model.Tokenizer.EncodeWithOffsets(rendered.Text, addSpecialTokens);
        var tokens = model.Tokenizer.EncodeWithLiterals(rendered.Text, addSpecialTokens, model.Control, rendered.Literals);
        int[] places = [.. rendered.Literals];
        for (var i = 0; i < tokens.Count; i++)
        {
            if (model.Control.Contains(tokens.Ids[i]) && Tokenizer.Reaches(places, tokens.Starts[i], tokens.Ends[i]))
                throw new GridException(ErrorCodes.InvalidTemplate,
                    $"A message holds '{model.Tokenizer.TokenOf(tokens.Ids[i])}', a control token that this tokenizer cannot write as plain text; take it out.", "messages");
        }
        return tokens;
    }

    // A message of weight 0 is shown but not learnt.
    private static RenderedText Weighted(JsonElement messages, RenderedText rendered)
    {
        var learnt = messages.EnumerateArray().Where(IsAssistant).Select(IsLearnt).ToList();
        if (!learnt.Contains(false))
            return rendered;
        if (learnt.Count != rendered.Spans.Count)
            throw new GridException(ErrorCodes.InvalidTemplate,
                $"The chat template marks {rendered.Spans.Count} ranges for {learnt.Count} assistant messages, so that messages of weight 0 cannot be left out.", "chat_template");
        return rendered with { Spans = [.. rendered.Spans.Where((_, i) => learnt[i])] };
    }

    // Templates differ in the white space that they keep around a message: what is there of it is kept.
    private static int EndOfFinalMessage(JsonElement messages, string text)
    {
        var content = messages.EnumerateArray().Last() is { ValueKind: JsonValueKind.Object } last && last.TryGetProperty("content", out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!.TrimStart() : "";
        var at = text.LastIndexOf(content.TrimEnd(), StringComparison.Ordinal);
        if (content.Length == 0 || at < 0)
            throw new GridException(ErrorCodes.InvalidTemplate, "The last message is not in the text that the chat template makes, so it cannot be continued.", "continue_final_message");
        return text.AsSpan(at).StartsWith(content, StringComparison.Ordinal) ? at + content.Length : at + content.TrimEnd().Length;
    }

    private RenderedText Render(JsonElement messages, JsonElement? tools, bool generationPrompt, JsonElement? further = null)
    {
        Dictionary<string, JsonElement> variables = new(model.Variables, StringComparer.Ordinal)
        {
            ["messages"] = messages,
            ["add_generation_prompt"] = generationPrompt ? True : False,
        };
        if (tools is { } given)
            variables["tools"] = given;
        foreach (var variable in further is { ValueKind: JsonValueKind.Object } named ? named.EnumerateObject().ToArray() : [])
            variables.TryAdd(variable.Name, variable.Value);
        return model.Template.Render(variables);
    }

    private (int Start, int End)? ByPrefix(JsonElement messages, JsonElement? tools, int index, bool last, string final)
    {
        try
        {
            var prompt = Render(Head(messages, index), tools, generationPrompt: true).Text;
            var full = last ? final : Render(Head(messages, index + 1), tools, generationPrompt: false).Text;
            return full.Length > prompt.Length && full.StartsWith(prompt, StringComparison.Ordinal) && final.StartsWith(full, StringComparison.Ordinal)
                ? (prompt.Length, WithoutTail(final, prompt.Length, full.Length))
                : null;
        }
        catch (GridException)
        {
            // Many templates refuse a conversation without its end or its beginning; the other way may still work.
            return null;
        }
    }

    private (int Start, int End)? ByContent(JsonElement messages, JsonElement? tools, int index, string final)
    {
        const string mark = "\uE000\uE001\uE000";
        if (!messages[index].TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.String)
            return null;
        var changed = JsonNode.Parse(messages.GetRawText())!.AsArray();
        changed[index]!["content"] = mark;
        string marked;
        try
        {
            marked = Render(JsonSerializer.SerializeToElement(changed), tools, generationPrompt: false).Text;
        }
        catch (GridException)
        {
            return null;
        }
        var at = marked.IndexOf(mark, StringComparison.Ordinal);
        if (at < 0 || marked.IndexOf(mark, at + 1, StringComparison.Ordinal) >= 0)
            return null;
        var tail = marked.AsSpan(at + mark.Length);
        if (final.Length < at + tail.Length || !final.AsSpan(0, at).SequenceEqual(marked.AsSpan(0, at)) || !final.EndsWith(tail, StringComparison.Ordinal))
            return null;
        return (at, WithStop(final, final.Length - tail.Length));
    }

    private static JsonElement Head(JsonElement messages, int count) =>
        JsonSerializer.SerializeToElement(messages.EnumerateArray().Take(count).ToArray());

    // White space that follows the end-of-turn token is never generated.
    private int WithoutTail(string text, int start, int end)
    {
        var trimmed = text.AsSpan(start, end - start).TrimEnd();
        foreach (var token in _specialTokens)
        {
            if (trimmed.EndsWith(token, StringComparison.Ordinal))
                return start + trimmed.Length;
        }
        return end;
    }

    private int WithStop(string text, int end)
    {
        var rest = text.AsSpan(end);
        var space = rest.Length - rest.TrimStart().Length;
        foreach (var token in _specialTokens.OrderByDescending(t => t.Length))
        {
            if (rest[space..].StartsWith(token, StringComparison.Ordinal))
                return end + space + token.Length;
        }
        return end;
    }

    private static bool IsLearnt(JsonElement message) =>
        !(message.TryGetProperty("weight", out var weight) && weight.ValueKind == JsonValueKind.Number && weight.GetDouble() == 0);

    private static bool IsAssistant(JsonElement message) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out var role)
        && role.ValueKind == JsonValueKind.String && role.ValueEquals("assistant");
}
