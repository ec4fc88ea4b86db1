using FineTuneGrid.Contracts.Access;
using Microsoft.AspNetCore.Authorization;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Who may call a route. A route that declares none is refused to everybody; what is no route at all gets its 404 or 405.</summary>
public static class Policies
{
    public const string Reader = "reader";
    public const string Member = "member";
    public const string Admin = "admin";

    /// <summary>Pages: a browser session of any role.</summary>
    public const string Page = "page";
    public const string PageMember = "page-member";
    public const string PageAdmin = "page-admin";

    /// <summary>The Orleans dashboard: an admin's browser session or key.</summary>
    public const string Dashboard = "dashboard";

    public const string SessionScheme = "session";

    internal static void Add(AuthorizationOptions options)
    {
        var (read, write) = (new ScopeRequirement(Write: false), new ScopeRequirement(Write: true));
        options.AddPolicy(Reader, p => p.RequireRole(nameof(Role.Reader), nameof(Role.Member), nameof(Role.Admin)).AddRequirements(read));
        options.AddPolicy(Member, p => p.RequireRole(nameof(Role.Member), nameof(Role.Admin)).AddRequirements(write));
        options.AddPolicy(Admin, p => p.RequireRole(nameof(Role.Admin)).AddRequirements(write));
        options.AddPolicy(Page, p => p.AddAuthenticationSchemes(SessionScheme).RequireAuthenticatedUser().AddRequirements(read));
        options.AddPolicy(PageMember, p => p.AddAuthenticationSchemes(SessionScheme).RequireRole(nameof(Role.Member), nameof(Role.Admin)).AddRequirements(write));
        options.AddPolicy(PageAdmin, p => p.AddAuthenticationSchemes(SessionScheme).RequireRole(nameof(Role.Admin)).AddRequirements(write));
        options.AddPolicy(Dashboard, p => p.AddAuthenticationSchemes(SessionScheme, KeyAuthentication.SchemeName).RequireRole(nameof(Role.Admin)).AddRequirements(write));
        // Without this the fallback would also answer for unknown paths and wrong methods, and hide them behind a 401.
        options.FallbackPolicy = new AuthorizationPolicyBuilder()
            .RequireAssertion(c => c.Resource is HttpContext context && context.GetEndpoint() is not RouteEndpoint).Build();
    }
}
