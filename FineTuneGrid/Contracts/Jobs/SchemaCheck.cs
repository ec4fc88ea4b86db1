using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>
/// Checks a JSON value against the subset of JSON Schema that <see cref="JobSchema"/> uses, reports every fault at once,
/// and returns the value with all defaults filled in.
/// </summary>
internal sealed class SchemaCheck
{
    private readonly List<GridFinding> _findings = [];

    public IReadOnlyList<GridFinding> Findings => _findings;

    public JsonNode? Apply(JsonNode? value, JsonObject schema, string path)
    {
        if (value is null)
        {
            if (!Types(schema).Contains("null"))
                Report(path, $"{path} may not be null; {Expectation(schema)}.");
            return null;
        }
        var kind = KindOf(value);
        if (!Types(schema).Any(t => t == kind || (t == "number" && kind == "integer")))
        {
            Report(path, $"{path} must be {Expectation(schema)}, not {Describe(value)}.");
            return value.DeepClone();
        }
        return kind switch
        {
            "object" => ApplyObject((JsonObject)value, schema, path),
            "array" => ApplyArray((JsonArray)value, schema, path),
            _ => ApplyScalar(value, schema, path),
        };
    }

    private JsonObject ApplyObject(JsonObject value, JsonObject schema, string path)
    {
        var result = new JsonObject();
        var properties = schema["properties"] as JsonObject;
        if (properties is null)
        {
            foreach (var (name, member) in value)
                result[name] = schema["additionalProperties"] is JsonObject item ? Apply(member, item, Join(path, name)) : member?.DeepClone();
            return result;
        }
        foreach (var (name, _) in value)
        {
            if (!properties.ContainsKey(name))
                Report(Join(path, name), $"{Join(path, name)} is not a known field{Spelling.Advice(name, properties.Select(p => p.Key))}");
        }
        var required = ((JsonArray?)schema["required"])?.Select(r => (string)r!).ToHashSet() ?? [];
        foreach (var (name, node) in properties)
        {
            var member = (JsonObject)node!;
            if (value.TryGetPropertyValue(name, out var given))
                result[name] = Apply(given, member, Join(path, name));
            else if (required.Contains(name))
                Report(Join(path, name), $"{Join(path, name)} is required: {(string)member["description"]!}");
            else if (member["default"] is { } fallback)
                result[name] = fallback.DeepClone();
            else if (member["properties"] is JsonObject)
                result[name] = ApplyObject([], member, Join(path, name));
        }
        return result;
    }

    private JsonArray ApplyArray(JsonArray value, JsonObject schema, string path)
    {
        if (schema["minItems"] is { } min && value.Count < (int)min || schema["maxItems"] is { } max && value.Count > (int)max)
            Report(path, $"{path} must have {(int)schema["minItems"]!} items, not {value.Count}.");
        var items = (JsonObject)schema["items"]!;
        return [.. value.Select((item, i) => Apply(item, items, $"{path}[{i}]"))];
    }

    private JsonNode ApplyScalar(JsonNode value, JsonObject schema, string path)
    {
        if (schema["enum"] is JsonArray choices && !choices.Any(c => (string)c! == (string)value!))
        {
            var names = choices.Select(c => (string)c!).ToArray();
            Report(path, $"{path} must be one of {string.Join(", ", names)}, not '{(string)value!}'.");
        }
        if (value.GetValueKind() == JsonValueKind.Number) CheckRange(value, schema, path);
        if (value.GetValueKind() == JsonValueKind.String && schema["maxLength"] is { } longest)
        {
            var length = ((string)value!).Length;
            if (length == 0 || length > (int)longest)
                Report(path, $"{path} must have 1 to {(int)longest} characters, not {length}.");
        }
        return value.DeepClone();
    }

    private void CheckRange(JsonNode value, JsonObject schema, string path)
    {
        if (schema["minimum"] is not { } minimum) return;
        var number = value.AsValue().TryGetValue<double>(out var d) ? d : double.NaN;
        var (low, high) = ((double)minimum, (double)schema["maximum"]!);
        if (!(number >= low && number <= high))
            Report(path, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{path} must be between {low:G} and {high:G}, not {value.ToJsonString()}."));
    }

    private void Report(string path, string message)
    {
        if (_findings.Count < 100) _findings.Add(new GridFinding(path, message));
    }

    private static string KindOf(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => value.AsValue().TryGetValue<long>(out _) ? "integer" : "number",
        _ => "null",
    };

    private static string[] Types(JsonObject schema) => schema["type"] switch
    {
        JsonArray types => [.. types.Select(t => (string)t!)],
        { } one => [(string)one!],
        null => [],
    };

    private static string Expectation(JsonObject schema) => string.Join(" or ", Types(schema).Where(t => t != "null").Select(t => t switch
    {
        "integer" => "a whole number",
        "array" => "an array",
        "object" => "an object",
        "boolean" => "true or false",
        _ => "a " + t,
    }));

    private static string Describe(JsonNode value)
    {
        var text = value.ToJsonString();
        return text.Length <= 60 ? text : text[..57] + "...";
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
