using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.Cookies;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Browser sessions: HttpOnly, SameSite=Strict, twelve hours, and never longer than the key behind them is valid.</summary>
internal static class SessionCookie
{
    public static void Configure(CookieAuthenticationOptions options)
    {
        options.Cookie.Name = "ftg_session";
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Strict;
        options.ExpireTimeSpan = TimeSpan.FromHours(12);
        options.LoginPath = "/login";
        // Signing in again would not help: the refusal is told.
        options.Events.OnRedirectToAccessDenied = context =>
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        };
        options.Events.OnValidatePrincipal = async context =>
        {
            var cache = context.HttpContext.RequestServices.GetRequiredService<KeyCache>();
            if (context.Principal?.FindFirstValue(CallerIdentity.HashClaim) is not { } hash || await cache.FindAsync(hash) is null) context.RejectPrincipal();
        };
    }
}
