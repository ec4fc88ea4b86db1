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

    public static IResult WithLocation(this IResult result, HttpContext context, string location)
    {
        context.Response.Headers.Location = location;
        return result;
    }
}
