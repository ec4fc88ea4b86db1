using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FineTuneGrid.Deploy.Helm;

/// <summary>YAML as maps, lists, texts, numbers and truths, as templates see it.</summary>
internal static class Values
{
    public static Dictionary<string, object?> Read(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return (Dictionary<string, object?>)Of(stream.Documents.Single().RootNode)!;
    }

    /// <summary>Values over values: maps are joined, anything else is replaced.</summary>
    public static void Merge(Dictionary<string, object?> values, Dictionary<string, object?> over)
    {
        foreach (var (key, value) in over)
        {
            if (value is Dictionary<string, object?> inner && values.GetValueOrDefault(key) is Dictionary<string, object?> known) Merge(known, inner);
            else values[key] = value;
        }
    }

    /// <summary>Of every value that is no map of the chart's own structure, the path.</summary>
    public static IEnumerable<string> Paths(object? value, string path = "") => value is Dictionary<string, object?> { Count: > 0 } map
        ? map.SelectMany(m => Paths(m.Value, $"{path}.{m.Key}"))
        : [path];

    /// <summary>As YAML in block style, without a last line end.</summary>
    public static string Write(object? value) => string.Join('\n', Lines(value));

    private static IEnumerable<string> Lines(object? value) => value switch
    {
        Dictionary<string, object?> { Count: > 0 } map => map.OrderBy(m => m.Key, StringComparer.Ordinal).SelectMany(m => Nested($"{Scalar(m.Key)}:", m.Value)),
        List<object?> { Count: > 0 } list => list.SelectMany(item => Lines(item).Select((line, i) => (i == 0 ? "- " : "  ") + line)),
        Dictionary<string, object?> => ["{}"],
        List<object?> => ["[]"],
        _ => [Scalar(value)],
    };

    private static IEnumerable<string> Nested(string key, object? value) => value is Dictionary<string, object?> { Count: > 0 } or List<object?> { Count: > 0 }
        ? Lines(value).Select(l => "  " + l).Prepend(key)
        : [$"{key} {Lines(value).Single()}"];

    private static string Scalar(object? value) => value is string text ? JsonSerializer.Serialize(text) : value is null ? "null" : Expression.Text(value);

    private static object? Of(YamlNode node) => node switch
    {
        YamlMappingNode map => map.Children.ToDictionary(m => ((YamlScalarNode)m.Key).Value!, m => Of(m.Value)),
        YamlSequenceNode list => list.Children.Select(Of).ToList(),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => plain.Value switch
        {
            null or "" or "null" or "~" => null,
            "true" => true,
            "false" => false,
            var text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
            var text => text,
        },
        YamlScalarNode scalar => scalar.Value,
        _ => throw new InvalidDataException($"{node.NodeType} in values"),
    };
}
