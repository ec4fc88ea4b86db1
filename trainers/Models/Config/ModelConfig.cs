using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Models.Config;

/// <summary>
/// A Hugging Face <c>config.json</c>. Fields are read by name with type and range checked; fields nobody asks for are kept
/// as they are, so that the file can be written back.
/// </summary>
public sealed class ModelConfig
{
    private readonly JsonElement _root;

    private ModelConfig(JsonElement root) => _root = root;

    /// <summary>The whole file.</summary>
    public JsonElement Json => _root;

    public string ModelType => Text("model_type");

    /// <exception cref="GridException"><c>invalid_model</c>: not a JSON object.</exception>
    public static ModelConfig Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = 32 });
            return From(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidModel, $"config.json is not JSON: {e.Message}", "config.json", e);
        }
    }

    public static ModelConfig From(JsonElement root) => root.ValueKind == JsonValueKind.Object
        ? new ModelConfig(root.Clone())
        : throw new GridException(ErrorCodes.InvalidModel, "config.json must hold a JSON object.", "config.json");

    /// <summary>A nested object, or null where the field is absent or null.</summary>
    public ModelConfig? Object(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new ModelConfig(value)
        : throw Wrong(name, "must be an object");

    public bool Has(string name) => Find(name) is not null;

    public int Int(string name, int min = 1, int max = int.MaxValue) => IntOrNull(name, min, max) ?? throw Missing(name);

    public int Int(string name, int fallback, int min, int max) => IntOrNull(name, min, max) ?? fallback;

    public int? IntOrNull(string name, int min = 1, int max = int.MaxValue)
    {
        if (Find(name) is not { } value)
            return null;
        max = Math.Min(max, PlausibleSizes.Most(name));
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var n) || n < min || n > max)
            throw Wrong(name, $"must be a whole number from {min} to {max}");
        return n;
    }

    /// <summary>The first of several names for one field that is there, else the first.</summary>
    public string First(params string[] names) => Array.Find(names, Has) ?? names[0];

    /// <summary>A field that published configs write under several names.</summary>
    public int IntOf(params string[] names) => Int(First(names));

    /// <summary>An absent field means the default, null means none.</summary>
    public double? NumberOr(string name, double fallback) => _root.TryGetProperty(name, out _) ? NumberOrNull(name) : fallback;

    /// <inheritdoc cref="NumberOr"/>
    public int? IntOr(string name, int fallback) => _root.TryGetProperty(name, out _) ? IntOrNull(name) : fallback;

    /// <summary>Which layers are of a kind: by <c>layer_types</c>, or where that is absent by the rule.</summary>
    public bool[] LayerKinds(string kind, int layers, Func<int, bool> rule)
    {
        if (!Has("layer_types"))
            return [.. Enumerable.Range(0, layers).Select(rule)];
        var list = _root.GetProperty("layer_types");
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != layers
            || list.EnumerateArray().Any(e => e.ValueKind != JsonValueKind.String || e.GetString() is not ("full_attention" or "sliding_attention")))
            throw Wrong("layer_types", $"must give {layers} times full_attention or sliding_attention");
        return [.. list.EnumerateArray().Select(e => e.GetString() == kind)];
    }

    public double Number(string name, double fallback) => NumberOrNull(name) ?? fallback;

    public double Number(string name) => NumberOrNull(name) ?? throw Missing(name);

    public double? NumberOrNull(string name)
    {
        if (Find(name) is not { } value)
            return null;
        if (value.ValueKind != JsonValueKind.Number || !double.IsFinite(value.GetDouble()))
            throw Wrong(name, "must be a finite number");
        return value.GetDouble();
    }

    public bool Flag(string name, bool fallback) => Find(name) is not { } value ? fallback
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(name, "must be true or false");

    public string Text(string name) => TextOrNull(name) ?? throw Missing(name);

    public string? TextOrNull(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(name, "must be a string");

    /// <summary>Refuses a setting that changes the result and that this build does not know.</summary>
    public void Require(bool holds, string name, string what)
    {
        if (!holds)
            throw new GridException(ErrorCodes.UnsupportedModel, $"config.json: {name} is {Show(name)}, but this build supports {what}.", name);
    }

    public GridException Wrong(string name, string rule) =>
        Bad(name, $"{rule}; it is {Show(name)}");

    internal static GridException Bad(string name, string rule) => new(ErrorCodes.InvalidModel, $"config.json: {name} {rule}.", name);

    private static GridException Missing(string name) =>
        new(ErrorCodes.InvalidModel, $"config.json: {name} is missing; the model's architecture cannot be told without it.", name);

    private string Show(string name)
    {
        var text = Find(name)?.GetRawText() ?? "absent";
        return text.Length <= 60 ? text : text[..60] + "...";
    }

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
