using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Inspection;

/// <summary>
/// <c>id2label.json</c> in the folder of a classifier's adapter: its classes, which PEFT's own files do not name. The two members are what
/// transformers takes by these names.
/// </summary>
public sealed record ClassNames(
    [property: JsonPropertyName("id2label")] IReadOnlyDictionary<string, string> Id2Label,
    [property: JsonPropertyName("label2id")] IReadOnlyDictionary<string, int> Label2Id)
{
    public const string FileName = "id2label.json";

    public static byte[] Write(IReadOnlyList<string> names)
    {
        var ids = Enumerable.Range(0, names.Count);
        return JsonSerializer.SerializeToUtf8Bytes(
            new ClassNames(ids.ToDictionary(i => i.ToString(CultureInfo.InvariantCulture), i => names[i]), ids.ToDictionary(i => names[i])), GridJson.Indented);
    }

    /// <summary>The names of an <c>id2label</c> object, in the order of their ids.</summary>
    /// <param name="json">An object with a member <c>id2label</c>, as this file and a model's config have it.</param>
    /// <returns>Null where it has none, or ids that are not 0, 1, 2 ..., or a name twice.</returns>
    public static IReadOnlyList<string>? Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("id2label", out var map) || map.ValueKind != JsonValueKind.Object)
            return null;
        SortedDictionary<int, string> names = [];
        foreach (var member in map.EnumerateObject())
        {
            if (!int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || member.Value.ValueKind != JsonValueKind.String || !names.TryAdd(id, member.Value.GetString()!))
                return null;
        }
        var whole = names.Count > 0 && names.Keys.Last() == names.Count - 1 && names.Values.Distinct(StringComparer.Ordinal).Count() == names.Count;
        return whole ? [.. names.Values] : null;
    }
}
