using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Gateway.Access;
using Microsoft.AspNetCore.Antiforgery;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>The frame of every page, and its headers: nothing is loaded from elsewhere, nothing inline runs.</summary>
public static class Layout
{
    private const string Policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    public static IResult Page(HttpContext context, string title, Html body, int status = 200)
    {
        var caller = context.User.Identity?.IsAuthenticated == true ? context.Caller() : null;
        var theme = Theme.Of(context) is { } chosen ? Html.Of($""" data-theme="{chosen}" """) : Html.Empty;
        var markup = Html.Of($"""
            <!doctype html>
            <html lang="en"{theme}>
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{title} · FineTuneGrid</title>
            <link rel="stylesheet" href="/assets/site.css">
            <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
            <script src="/assets/site.js" type="module"></script>
            </head>
            <body>
            <a class="skip" href="#main">Skip to content</a>
            <header><a class="brand" href="/">FineTuneGrid</a>{Navigation(context, caller)}</header>
            <main id="main" tabindex="-1">{body}</main>
            </body>
            </html>
            """);
        return new PageResult(markup.Markup, status);
    }

    /// <summary>A part of a page, fetched again while it is live.</summary>
    public static IResult Fragment(Html body) => new PageResult(body.Markup, 200);

    /// <summary>A button that changes something: a form of its own, with the session's anti-forgery token.</summary>
    public static Html Button(HttpContext context, string action, string label, string kind = "", string? hint = null) =>
        Html.Of($"""<form method="post" action="{action}">{Token(context)}<button class="{kind}" title="{hint ?? label}">{label}</button></form>""");

    /// <summary>The hidden field that shows a form to be this session's own.</summary>
    public static Html Token(HttpContext context)
    {
        var tokens = context.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(context);
        return Html.Of($"""<input type="hidden" name="{tokens.FormFieldName}" value="{tokens.RequestToken}">""");
    }

    /// <summary>A title with what belongs beside it.</summary>
    public static Html Title(Html title, Html beside) => Html.Of($"""<div class="title"><h1>{title}</h1>{beside}</div>""");

    private static Html Navigation(HttpContext context, Principal? caller)
    {
        if (caller is null) return Html.Empty;
        var path = context.Request.Path.Value ?? "/";
        (string Href, string Label)[] links =
        [
            ("/", "Overview"), ("/jobs", "Jobs"), ("/adapters", "Adapters"), ("/models", "Models"), ("/datasets", "Data sets"), ("/nodes", "Nodes"),
            .. caller.IsAdmin ? [("/keys", "Keys"), ("/dashboard/", "Orleans")] : ((string, string)[])[],
        ];
        var items = Html.Join(links.Select(l => path == l.Href ? Html.Of($"""<a href="{l.Href}" aria-current="page">{l.Label}</a>""")
            : l.Href != "/" && path.StartsWith(l.Href + "/", StringComparison.Ordinal) ? Html.Of($"""<a href="{l.Href}" aria-current="true">{l.Label}</a>""")
            : Html.Of($"""<a href="{l.Href}">{l.Label}</a>""")));
        return Html.Of($"""<nav aria-label="Main">{items}</nav><div class="who">{Theme.Switch(context)}<span>{caller.Org ?? "admin"}</span>{Button(context, "/logout", "Sign out", "quiet")}</div>""");
    }

    private sealed class PageResult(string markup, int status) : IResult
    {
        public Task ExecuteAsync(HttpContext context)
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = "text/html; charset=utf-8";
            context.Response.Headers.ContentSecurityPolicy = Policy;
            context.Response.Headers.CacheControl = "no-store";
            context.Response.Headers["Referrer-Policy"] = "same-origin";
            return context.Response.WriteAsync(markup, context.RequestAborted);
        }
    }
}
