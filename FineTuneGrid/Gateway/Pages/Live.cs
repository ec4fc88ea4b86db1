namespace FineTuneGrid.Gateway.Pages;

/// <summary>Parts of pages that the script fetches again: every few seconds, or when an event of the page's stream says so.</summary>
internal static class Live
{
    /// <summary>The name of the part that a request asks for; null for the whole page.</summary>
    public static string? Wanted(HttpContext context) => context.Request.Query["part"].ToString() is { Length: > 0 } part ? part : null;

    /// <summary>A part that is fetched again as long as it can be seen.</summary>
    public static Html Polled(HttpContext context, Html body) =>
        Html.Of($"""<div data-part="{Address(context, "live")}" data-every="2000">{body}</div>""");

    /// <summary>A part that is fetched again when the script says so. With <paramref name="live"/> false it is never.</summary>
    public static Html Part(HttpContext context, string name, bool live, Html body) => live
        ? Html.Of($"""<div data-part="{Address(context, name)}" data-name="{name}">{body}</div>""") : Html.Of($"<div>{body}</div>");

    private static string Address(HttpContext context, string part)
    {
        var rest = context.Request.Query.Where(q => q.Key != "part").SelectMany(q => q.Value.Select(v => KeyValuePair.Create(q.Key, v)));
        return context.Request.Path + QueryString.Create(rest.Append(KeyValuePair.Create("part", (string?)part)));
    }
}
