using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace FineTuneGrid.Chaos;

/// <summary>What is printed: JSON, one object a line.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static void Line(object line) => Console.WriteLine(JsonSerializer.Serialize(line, Json));

    /// <summary>How far it is, on the error output.</summary>
    public static void Tell(long started, string what) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(started).TotalSeconds,7:0.0} s  {what}"));

    /// <summary>Seconds; null where there is none. The nearest rank: the p95 of 20 is the 19th.</summary>
    public static double? Percentile(IReadOnlyList<TimeSpan> times, int percent) =>
        times.Count == 0 ? null : Math.Round(times.Order().ElementAt(Math.Max(0, (int)Math.Ceiling(times.Count * percent / 100.0) - 1)).TotalSeconds, 2);
}
