using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>Which files a list shows.</summary>
/// <param name="After">The id of the last file that the caller has seen.</param>
/// <param name="Purpose">Null for all.</param>
public sealed record FileQuery(string? After = null, int Limit = FileQuery.MaxLimit, bool Ascending = false, string? Purpose = null)
{
    public const int MaxLimit = 10_000;

    /// <exception cref="GridException"><c>invalid_value</c></exception>
    public static FileQuery Read(IQueryCollection query) => new(Text(query, "after"), LimitOf(Text(query, "limit")), Text(query, "order") switch
    {
        null or "desc" => false,
        "asc" => true,
        var order => throw new GridException(ErrorCodes.InvalidValue, $"order must be 'asc' or 'desc', not '{order}'.", "order"),
    }, Text(query, "purpose"));

    /// <summary>The ids that may be shown, in the order in which they are. Ids sort by the time of their making.</summary>
    /// <param name="ids">All of them, sorted.</param>
    public IEnumerable<string> Select(IReadOnlyList<string> ids) => Ascending
        ? ids.Where(id => After is null || string.CompareOrdinal(id, After) > 0)
        : ids.Reverse().Where(id => After is null || string.CompareOrdinal(id, After) < 0);

    private static int LimitOf(string? text) => text is null ? MaxLimit
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxLimit ? limit
        : throw new GridException(ErrorCodes.InvalidValue, $"limit must be between 1 and {MaxLimit}, not '{text}'.", "limit");

    private static string? Text(IQueryCollection query, string name) => query[name].ToString() is { Length: > 0 } text ? text : null;
}
