using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary><c>after</c> and <c>limit</c> of OpenAI's lists.</summary>
internal sealed record ListQuery(string? After, int Limit)
{
    private const int Most = 1000;

    public static ListQuery Read(HttpRequest request, int usual)
    {
        var (after, limit) = (request.Query["after"].ToString(), request.Query["limit"].ToString());
        if (limit.Length == 0) return new ListQuery(Null(after), usual);
        return int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= Most
            ? new ListQuery(Null(after), count)
            : throw new GridException(ErrorCodes.InvalidValue, $"limit must be a whole number between 1 and {Most}.", "limit");
    }

    public static GridException Unknown(string after, string noun) => new(ErrorCodes.InvalidValue, $"after: '{after}' is not the id of {noun}.", "after");

    private static string? Null(string text) => text.Length == 0 ? null : text;
}
