using System.Globalization;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>Pages as the Hub gives them: a plain array, and the address of the next page in a <c>Link</c> header.</summary>
internal static class HubPaging
{
    public const int MaxLimit = 1000;

    /// <param name="keyOf">What the cursor names: the last entry of a page.</param>
    public static IReadOnlyList<T> Page<T>(HttpContext context, IReadOnlyList<T> all, Func<T, string> keyOf, string? cursor, int? limit)
    {
        var first = 0;
        if (cursor is not null) first = all.Select(keyOf).ToList().IndexOf(cursor) + 1;
        var page = all.Skip(first).Take(Math.Clamp(limit ?? MaxLimit, 1, MaxLimit)).ToList();
        if (first + page.Count < all.Count && page.Count > 0) context.Response.Headers.Link = $"<{Next(context.Request, keyOf(page[^1]))}>; rel=\"next\"";
        context.Response.Headers["X-Total-Count"] = all.Count.ToString(CultureInfo.InvariantCulture);
        return page;
    }

    /// <summary>The address that clients know this server by.</summary>
    public static string Root(HttpRequest request) => $"{request.Scheme}://{request.Host.ToUriComponent()}";

    private static string Next(HttpRequest request, string cursor)
    {
        var query = request.Query.Where(q => q.Key != "cursor").SelectMany(q => q.Value.Select(v => KeyValuePair.Create(q.Key, v)));
        return Root(request) + request.Path.ToUriComponent() + QueryString.Create(query.Append(KeyValuePair.Create<string, string?>("cursor", cursor)));
    }
}
