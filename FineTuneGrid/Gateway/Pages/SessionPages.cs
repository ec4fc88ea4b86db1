using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Sign-in with a key or a one-time link, sign-out. The session is an HttpOnly, SameSite=Strict cookie.</summary>
public static class SessionPages
{
    public static void MapSessionPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/login", SignInForm).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost("/login", SignIn).AllowAnonymous().ExcludeFromDescription().Audited(AuditMode.Never);
        routes.MapPost("/logout", SignOut).RequireAuthorization(Policies.Page).ExcludeFromDescription().Audited(AuditMode.Never);
        routes.MapTheme();
    }

    /// <summary>Refuses a form that was not made by this session.</summary>
    public static async Task CheckFormAsync(HttpContext context, IAntiforgery antiforgery)
    {
        try
        {
            await antiforgery.ValidateRequestAsync(context);
        }
        catch (AntiforgeryValidationException e)
        {
            throw new GridException(ErrorCodes.Forbidden, "The form's security token is missing or stale; reload the page and try again.", inner: e);
        }
    }

    /// <summary>Where a form wants to go back to, as long as it is a place of this site.</summary>
    public static string LocalPath(string target) =>
        target.StartsWith('/') && !target.StartsWith("//", StringComparison.Ordinal) && !target.Contains('\\') ? target : "/";

    private static async Task<IResult> SignInForm(HttpContext context, SignInLinks links, KeyCache cache, string? token)
    {
        if (token is not null)
        {
            if (await links.RedeemAsync(token, context.RequestAborted) is { } hash && await EnterAsync(context, cache, hash)) return Results.LocalRedirect("/");
            return Form(context, "This sign-in link was used already or is too old. Sign in with a key.");
        }
        return Form(context, null, context.Request.Query["ReturnUrl"].ToString());
    }

    private static async Task<IResult> SignIn(HttpContext context, IAntiforgery antiforgery, ApiKeys keys, KeyCache cache)
    {
        await CheckFormAsync(context, antiforgery);
        var form = await context.Request.ReadFormAsync();
        var target = form["return"].ToString();
        if (keys.Hash(form["key"].ToString().Trim()) is { } hash && await EnterAsync(context, cache, hash))
        {
            return Results.LocalRedirect(LocalPath(target));
        }
        return Form(context, "This is no valid key, it was revoked, or it is limited to scopes.", target);
    }

    private static async Task<IResult> SignOut(HttpContext context, IAntiforgery antiforgery)
    {
        await CheckFormAsync(context, antiforgery);
        await context.SignOutAsync(Policies.SessionScheme);
        return Results.LocalRedirect("/login");
    }

    private static async Task<bool> EnterAsync(HttpContext context, KeyCache cache, string hash)
    {
        // Pages show all of what a role may see.
        if (await cache.FindAsync(hash) is not { Scopes: null } principal) return false;
        await context.SignInAsync(Policies.SessionScheme, CallerIdentity.Create(principal, hash, Policies.SessionScheme));
        return true;
    }

    private static IResult Form(HttpContext context, string? fault, string target = "")
    {
        var alert = fault is null ? Html.Empty : Html.Of($"""<p class="notice bad" role="alert">{fault}</p>""");
        return Layout.Page(context, "Sign in", Html.Of($"""
            <section class="card">
            <h1>Sign in</h1>
            {alert}
            <form method="post" action="/login">
            {Layout.Token(context)}
            <input type="hidden" name="return" value="{target}">
            <label for="key">API key</label>
            <input id="key" name="key" type="password" autocomplete="current-password" placeholder="ftg_..." required autofocus>
            <button class="primary">Sign in</button>
            </form>
            <p class="hint">A new grid writes its admin key to <code>admin.key</code> in its data directory.</p>
            </section>
            """), fault is null ? 200 : 401);
    }
}
