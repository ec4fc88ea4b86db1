using System.Globalization;
using System.Text.Json;

namespace FineTuneGrid.Cli;

/// <summary>Reading the server's JSON for display: absent and null members are one and the same.</summary>
public static class JsonText
{
    public static JsonElement? At(this JsonElement element, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element)) return null;
        }
        return element.ValueKind == JsonValueKind.Null ? null : element;
    }

    public static string? Text(this JsonElement element, string path) => element.At(path) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { } other => other.GetRawText(),
    };

    public static double? Number(this JsonElement element, string path) =>
        element.At(path) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

    public static string? Rounded(this JsonElement element, string path, string format = "0.0000") =>
        element.Number(path)?.ToString(format, CultureInfo.InvariantCulture);

    public static string Duration(double seconds) => TimeSpan.FromSeconds(Math.Max(0, seconds)) switch
    {
        { TotalHours: >= 1 } t => $"{(int)t.TotalHours}h {t.Minutes:00}m",
        { TotalMinutes: >= 1 } t => $"{t.Minutes}m {t.Seconds:00}s",
        var t => $"{t.Seconds}s",
    };
}
