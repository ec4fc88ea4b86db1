using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Json;

/// <summary>
/// Reads JSON that users bring: strict UTF-8, bounded depth, no duplicate keys, no comments, no trailing commas,
/// and no string that is not Unicode (an escaped lone surrogate).
/// </summary>
public static class StrictJson
{
    public const int MaximumDepth = 64;

    /// <summary>The longest line of a JSONL file, in bytes.</summary>
    public const int MaximumLineBytes = 4 << 20;

    private static readonly JsonDocumentOptions Options = new()
    {
        MaxDepth = MaximumDepth,
        AllowDuplicateProperties = false,
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
    };

    /// <summary>Parses one document. The caller disposes it.</summary>
    /// <param name="utf8">The whole document.</param>
    /// <param name="what">What the bytes are, for the message ("tokenizer.json", "line 7").</param>
    /// <exception cref="GridException"><c>invalid_json</c>.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string what)
    {
        if (!Utf8.IsValid(utf8.Span))
            throw Refusal(what, "it is not valid UTF-8; save it as UTF-8", null);
        try
        {
            CheckStrings(utf8.Span, what);
            return JsonDocument.Parse(utf8, Options);
        }
        catch (JsonException problem)
        {
            throw Refusal(what, Reason(problem), problem);
        }
    }

    private static void CheckStrings(ReadOnlySpan<byte> utf8, string what)
    {
        // Only an escaped string can hold a lone surrogate; most documents have no backslash at all.
        if (!utf8.Contains((byte)'\\'))
            return;
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaximumDepth });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
                continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException problem)
            {
                throw Refusal(what, $"the string at byte {reader.TokenStartIndex} holds half of a surrogate pair; write the whole character", problem);
            }
        }
    }

    private static string Reason(JsonException problem)
    {
        var text = problem.Message;
        var cut = text.IndexOf(" LineNumber:", StringComparison.Ordinal);
        if (cut > 0)
            text = text[..cut];
        var position = problem.BytePositionInLine is { } at ? $" (byte {at} of line {problem.LineNumber + 1})" : "";
        return text.TrimEnd('.') + position;
    }

    private static GridException Refusal(string what, string reason, Exception? inner) =>
        new(ErrorCodes.InvalidJson, $"{what} is not acceptable JSON: {reason}.", inner: inner);
}
