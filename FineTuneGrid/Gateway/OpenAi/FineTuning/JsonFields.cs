using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>Members of an untrusted JSON object, each read as what it should be. A refusal names the parameter by its path. Null counts as left out.</summary>
internal sealed class JsonFields(JsonObject json, string path)
{
    private const string Auto = "auto";
    private const int LongestShown = 60;

    public static JsonFields None(string path) => new([], path);

    public string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    public JsonNode? Get(string name) => json[name];

    /// <exception cref="GridException"><c>unknown_field</c></exception>
    public void RefuseOthers(params string[] known)
    {
        foreach (var (name, _) in json)
        {
            if (!known.Contains(name)) throw new GridException(ErrorCodes.UnknownField, $"{PathOf(name)} is not a known parameter{Spelling.Advice(name, known)}", PathOf(name));
        }
    }

    public JsonFields? Object(string name) => Get(name) switch
    {
        null => null,
        JsonObject found => new JsonFields(found, PathOf(name)),
        var other => throw Wrong(name, "an object", other),
    };

    public string? Text(string name, int longest)
    {
        if (Get(name) is not { } value) return null;
        if (value.GetValueKind() != JsonValueKind.String) throw Wrong(name, "a text", value);
        var text = value.GetValue<string>();
        return text.Length > 0 && text.Length <= longest ? text
            : throw new GridException(ErrorCodes.InvalidValue, $"{PathOf(name)} must have 1 to {longest} characters, not {text.Length}.", PathOf(name));
    }

    public string RequiredText(string name, int longest, string what) =>
        Text(name, longest) ?? throw new GridException(ErrorCodes.MissingField, $"{PathOf(name)} is required: {what}.", PathOf(name));

    public long? Whole(string name, long least, long most) => Get(name) is { } value ? Whole(name, value, least, most, "") : null;

    /// <summary>Null for what is left out and for <c>auto</c>.</summary>
    public int? WholeOrAuto(string name, int least, int most) => Given(name) is { } value ? (int)Whole(name, value, least, most, "'auto' or ") : null;

    /// <summary>A number above 0; null for what is left out and for <c>auto</c>.</summary>
    public double? PositiveOrAuto(string name, double most)
    {
        if (Given(name) is not { } value) return null;
        return value.GetValueKind() == JsonValueKind.Number && value.AsValue().TryGetValue<double>(out var number) && number > 0 && number <= most ? number
            : throw Wrong(name, string.Create(CultureInfo.InvariantCulture, $"'auto' or a number above 0, at most {most:G}"), value);
    }

    public GridException Wrong(string name, string expected, JsonNode? value) =>
        new(ErrorCodes.InvalidValue, $"{PathOf(name)} must be {expected}, not {Shown(value)}.", PathOf(name));

    private JsonNode? Given(string name) =>
        Get(name) is { } value && !(value.GetValueKind() == JsonValueKind.String && value.GetValue<string>() == Auto) ? value : null;

    private long Whole(string name, JsonNode value, long least, long most, string or) =>
        value.GetValueKind() == JsonValueKind.Number && value.AsValue().TryGetValue<long>(out var number) && number >= least && number <= most ? number
            : throw Wrong(name, $"{or}a whole number between {least} and {most}", value);

    private static string Shown(JsonNode? value)
    {
        var text = value?.ToJsonString() ?? "null";
        return text.Length <= LongestShown ? text : text[..LongestShown] + "...";
    }
}
