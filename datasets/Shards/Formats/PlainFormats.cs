using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Text;

namespace FineTuneGrid.Shards;

/// <summary><c>prompt</c> and <c>completion</c>, put together as they are with eos at the end; only completion and eos are learnt.</summary>
internal sealed class CompletionFormat : RowFormat
{
    public override string Name => "prompt-completion";

    public override IReadOnlyList<string> Required => ["prompt", "completion"];

    internal override ParsedRow Parse(JsonElement row) => new CompletionRow(Text(row, "prompt"), FilledText(row, "completion"));
}

/// <summary>Alpaca: <c>instruction</c>, optional <c>input</c>, <c>output</c>; a conversation of one turn in the model's template.</summary>
internal sealed class AlpacaFormat : RowFormat
{
    public override string Name => "alpaca";

    public override IReadOnlyList<string> Required => ["instruction", "output"];

    public override IReadOnlyList<string> Optional => ["input", "system"];

    internal override ParsedRow Parse(JsonElement row)
    {
        var instruction = FilledText(row, "instruction");
        var input = Text(row, "input", optional: true);
        var messages = new JsonArray();
        if (Text(row, "system", optional: true) is { Length: > 0 } system)
            messages.Add(new JsonObject { ["role"] = "system", ["content"] = system });
        messages.Add(new JsonObject { ["role"] = "user", ["content"] = input.Length > 0 ? $"{instruction}\n\n{input}" : instruction });
        messages.Add(new JsonObject { ["role"] = "assistant", ["content"] = FilledText(row, "output") });
        return ChatFormat.Build(messages, null);
    }
}

/// <summary><c>text</c>: all of it is learnt, and eos after it.</summary>
internal sealed class TextFormat : RowFormat
{
    public override string Name => "text";

    public override IReadOnlyList<string> Required => ["text"];

    public override bool NeedsStop => false;

    internal override ParsedRow Parse(JsonElement row) => new TextRow(FilledText(row, "text"));
}

/// <summary>Pre-tokenised: <c>input_ids</c> and optional <c>labels</c> of the same length (-100: not learnt), taken as they are.</summary>
internal sealed class TokensFormat : RowFormat
{
    public override string Name => "tokens";

    public override IReadOnlyList<string> Required => ["input_ids"];

    public override IReadOnlyList<string> Optional => ["labels"];

    public override bool NeedsStop => false;

    internal override ParsedRow Parse(JsonElement row)
    {
        var ids = Numbers(row, "input_ids", 0) ?? throw new RowException("'input_ids' is missing");
        if (ids.Length == 0)
            throw new RowException("'input_ids' is empty");
        var labels = Numbers(row, "labels", TrainingExample.Masked);
        if (labels is not null && labels.Length != ids.Length)
            throw new RowException($"'labels' has {labels.Length} entries, 'input_ids' {ids.Length}");
        if (labels is not null && Array.Exists(labels, l => l < 0 && l != TrainingExample.Masked))
            throw new RowException($"'labels' holds a negative number other than {TrainingExample.Masked}");
        return new TokensRow(ids, labels);
    }

    private static int[]? Numbers(JsonElement row, string column, int minimum)
    {
        if (!row.TryGetProperty(column, out var list) || list.ValueKind == JsonValueKind.Null)
            return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw new RowException($"'{column}' must be a list of whole numbers");
        var numbers = new int[list.GetArrayLength()];
        var count = 0;
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out var number) || number < minimum)
                throw new RowException($"{column}[{count}] is {item.GetRawText()}, not a token id");
            numbers[count++] = number;
        }
        return numbers;
    }
}
