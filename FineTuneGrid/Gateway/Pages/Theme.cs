using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;
using Microsoft.AspNetCore.Antiforgery;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Light or dark: as the browser prefers, or as was chosen. A cookie keeps the choice, so that no script is needed and nothing flickers.</summary>
internal static class Theme
{
    private const string Cookie = "ftg_theme";
    private const string Light = "light";
    private const string Dark = "dark";
    private static readonly TimeSpan Kept = TimeSpan.FromDays(365);

    public static void MapTheme(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/theme", ChooseAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription().Audited(AuditMode.Never);

    /// <summary>What was chosen; null: as the browser prefers.</summary>
    public static string? Of(HttpContext context) => context.Request.Cookies[Cookie] is (Light or Dark) and var chosen ? chosen : null;

    /// <summary>The button to the next choice: automatic, light, dark.</summary>
    public static Html Switch(HttpContext context)
    {
        var (next, name) = Of(context) switch { null => (Light, "automatic"), Light => (Dark, "light"), _ => ("", "dark") };
        return Html.Of($"""
            <form method="post" action="/theme">{Layout.Token(context)}<input type="hidden" name="theme" value="{next}"><input type="hidden" name="return" value="{context.Request.Path}{context.Request.QueryString}">
            <button class="quiet" aria-label="Colours: {name}. Change." title="Colours: {name}">◐ {name}</button></form>
            """);
    }

    private static async Task<IResult> ChooseAsync(HttpContext context, IAntiforgery antiforgery)
    {
        await SessionPages.CheckFormAsync(context, antiforgery);
        var form = await context.Request.ReadFormAsync();
        if (form["theme"].ToString() is (Light or Dark) and var theme)
            context.Response.Cookies.Append(Cookie, theme, new CookieOptions { MaxAge = Kept, HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps });
        else
            context.Response.Cookies.Delete(Cookie);
        return Results.LocalRedirect(SessionPages.LocalPath(form["return"].ToString()));
    }
}
