using System.Globalization;

namespace FineTuneGrid.Cli;

/// <summary>Times as people type them: a date or time (of UTC, unless it says otherwise), or a span such as <c>90d</c>, <c>12h</c> or <c>30m</c> from now.</summary>
internal static class Moments
{
    /// <param name="sign">1 for spans that lie ahead, -1 for spans that have passed.</param>
    public static DateTimeOffset Parse(string text, DateTimeOffset now, int sign)
    {
        if (text.Length > 1 && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && Unit(text[^1]) is { } unit && count * unit < TimeSpan.FromDays(36500))
            return now + sign * count * unit;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new CliException($"'{text}' is not a time such as 2027-01-31, 2027-01-31T08:00Z, 90d, 12h or 30m", 2);
    }

    private static TimeSpan? Unit(char letter) => letter switch
    {
        'd' => TimeSpan.FromDays(1),
        'h' => TimeSpan.FromHours(1),
        'm' => TimeSpan.FromMinutes(1),
        _ => null,
    };
}
