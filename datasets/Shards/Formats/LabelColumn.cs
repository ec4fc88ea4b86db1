using System.Globalization;
using System.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>A row's class as it is written: a text, or a whole number (a truth value is the text <c>false</c> or <c>true</c>).</summary>
internal readonly record struct LabelValue(string Name, long? Number);

/// <summary>The column that holds each row's class.</summary>
internal sealed class LabelColumn(string name)
{
    public string Name => name;

    /// <exception cref="RowException">The row has no class, or none of a kind that is one.</exception>
    public LabelValue Read(JsonElement row)
    {
        if (!row.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            throw new RowException($"'{name}' is missing: the row has no class");
        switch (value.ValueKind)
        {
            case JsonValueKind.String when value.GetString() is { Length: > 0 } text:
                return new(text, null);
            case JsonValueKind.String:
                throw new RowException($"'{name}' is empty: the row has no class");
            case JsonValueKind.Number when value.TryGetInt64(out var number):
                return new(number.ToString(CultureInfo.InvariantCulture), number);
            case JsonValueKind.True or JsonValueKind.False:
                return new(value.ValueKind == JsonValueKind.True ? "true" : "false", null);
            default:
                throw new RowException($"'{name}' is {Shown(value)}; a class is a text, a whole number, true or false");
        }
    }

    private static string Shown(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length <= 60 ? text : text[..60] + "...";
    }
}
