using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Apis;

/// <summary>Lists are <c>{"data": [...], "next": cursor or null}</c>.</summary>
internal static class Paging
{
    private const int Default = 100;
    private const int Most = 1000;

    private sealed record PageOf(object Data, [property: System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)] object? Next);

    public static int Limit(int? limit) => limit switch
    {
        null => Default,
        >= 1 and <= Most => limit.Value,
        _ => throw new GridException(ErrorCodes.InvalidValue, $"limit must be between 1 and {Most}, not {limit}.", "limit"),
    };

    public static IResult Page<T>(IEnumerable<T> data, object? next) => Results.Json(new PageOf(data.ToArray(), next), GridJson.Options);

    /// <summary>A list that is at hand whole, in ordinal order of its keys.</summary>
    /// <param name="after">The key of the last item that the caller has seen.</param>
    public static IResult Keyed<T>(IEnumerable<T> all, Func<T, string> key, string? after, int? limit) =>
        First([.. all.OrderBy(key, StringComparer.Ordinal).Where(item => after is null || string.CompareOrdinal(key(item), after) > 0)], limit, item => key(item));

    /// <summary>The first of what remains, and a cursor where there is more.</summary>
    public static IResult First<T>(IReadOnlyList<T> remaining, int? limit, Func<T, object> cursor)
    {
        var count = Limit(limit);
        return Page(remaining.Take(count), remaining.Count > count ? cursor(remaining[count - 1]) : null);
    }

    public static IResult WithLocation(this IResult result, HttpContext context, string location)
    {
        context.Response.Headers.Location = location;
        return result;
    }
}
