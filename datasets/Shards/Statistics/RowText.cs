using System.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>What people are shown of a row: how long it is, and its beginning.</summary>
internal static class RowText
{
    private const int FindingLength = 300;
    private const int SampleLength = 2000;

    /// <summary>Characters of all its texts; of a row without texts the entries of its longest list, such as token ids.</summary>
    public static long Length(JsonElement row)
    {
        var characters = Characters(row);
        return characters > 0 ? characters : row.EnumerateObject().Select(p => p.Value.ValueKind == JsonValueKind.Array ? p.Value.GetArrayLength() : 0).DefaultIfEmpty(0).Max();
    }

    /// <summary>For a finding; null for what is no row.</summary>
    public static string? Beginning(JsonElement row) => row.ValueKind == JsonValueKind.Object ? Cut(row.GetRawText(), FindingLength) : null;

    /// <summary>For the description of a data set.</summary>
    public static string Sample(JsonElement row) => Cut(row.GetRawText(), SampleLength);

    private static long Characters(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!.Length,
        JsonValueKind.Object => value.EnumerateObject().Sum(p => Characters(p.Value)),
        JsonValueKind.Array => value.EnumerateArray().Sum(Characters),
        _ => 0,
    };

    /// <summary>Never between the halves of a character.</summary>
    private static string Cut(string text, int length) =>
        text.Length <= length ? text : string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[length - 1]) ? length - 1 : length), " ...");
}
