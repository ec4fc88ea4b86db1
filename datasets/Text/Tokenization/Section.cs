using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>A JSON object of tokenizer.json with its path, read with typed errors.</summary>
internal readonly record struct Section(JsonElement Element, string Path)
{
    public string Type => Text("type");

    public string Text(string name) =>
        Find(name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : throw Wrong(name, "a string");

    public string? OptionalText(string name) => Find(name) is null ? null : Text(name);

    public bool Flag(string name, bool fallback) => Find(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Wrong(name, "true or false"),
    };

    public int Number(string name) =>
        Find(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var number) && number >= 0
            ? number
            : throw Wrong(name, "a non-negative whole number");

    public byte[] Base64(string name) =>
        Find(name) is { ValueKind: JsonValueKind.String } value && value.TryGetBytesFromBase64(out var bytes) ? bytes : throw Wrong(name, "bytes in base64");

    public char Character(string name, char? fallback = null) => Find(name) switch
    {
        null when fallback is { } value => value,
        { ValueKind: JsonValueKind.String } value when value.GetString() is { Length: 1 } text => text[0],
        _ => throw Wrong(name, "one character"),
    };

    public Section? Object(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new Section(value, $"{Path}.{name}"),
        _ => throw Wrong(name, "an object"),
    };

    public List<Section> Objects(string name)
    {
        if (Find(name) is not { ValueKind: JsonValueKind.Array } array)
            throw Wrong(name, "a list");
        List<Section> result = [];
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object)
                throw Wrong(name, "a list of objects");
            result.Add(new Section(item, $"{Path}.{name}[{result.Count}]"));
        }
        return result;
    }

    /// <summary>The property, or null where it is absent or null.</summary>
    public JsonElement? Find(string name) =>
        Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public GridException Wrong(string name, string expected) =>
        new(ErrorCodes.InvalidTokenizer, $"tokenizer.json: {Path}.{name} must be {expected}.", $"{Path}.{name}");

    public GridException Unsupported(string what) =>
        new(ErrorCodes.InvalidTokenizer, $"tokenizer.json: {Path}: {what} is not supported.", Path);

    public GridException UnsupportedType(string supported) =>
        Unsupported($"type '{Type}' (supported: {supported})");
}
