using System.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>A row whose shape was checked, before it meets a tokenizer.</summary>
public abstract record ParsedRow;

/// <param name="Messages">A JSON list of {role, content, ...}, at least one of them the assistant's.</param>
/// <param name="Tools">A JSON list, or null.</param>
public sealed record ChatRow(JsonElement Messages, JsonElement? Tools) : ParsedRow;

/// <summary>Only the completion is learnt.</summary>
public sealed record CompletionRow(string Prompt, string Completion) : ParsedRow;

public sealed record TextRow(string Text) : ParsedRow;

/// <param name="Labels">Null: the same as the ids.</param>
public sealed record TokensRow(int[] Ids, int[]? Labels) : ParsedRow;

/// <summary>A text or a pair of texts, and its class.</summary>
public sealed record LabelledRow(string Text, string? Pair, int Class) : ParsedRow;

/// <summary>Two answers to one prompt; each a conversation or a completion.</summary>
public sealed record PairRow(ParsedRow Chosen, ParsedRow Rejected) : ParsedRow;

/// <summary>A row that cannot be used; the message says why, without the row's number.</summary>
internal sealed class RowException(string message) : Exception(message);
