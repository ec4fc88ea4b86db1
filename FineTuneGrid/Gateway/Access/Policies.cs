using FineTuneGrid.Contracts.Access;
using Microsoft.AspNetCore.Authorization;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Who may call a route. A route that declares none is refused to everybody.</summary>
public static class Policies
{
    public const string Reader = "reader";
    public const string Member = "member";
    public const string Admin = "admin";

    internal static void Add(AuthorizationOptions options)
    {
        options.AddPolicy(Reader, p => p.RequireRole(nameof(Role.Reader), nameof(Role.Member), nameof(Role.Admin)));
        options.AddPolicy(Member, p => p.RequireRole(nameof(Role.Member), nameof(Role.Admin)));
        options.AddPolicy(Admin, p => p.RequireRole(nameof(Role.Admin)));
        options.FallbackPolicy = new AuthorizationPolicyBuilder().RequireAssertion(_ => false).Build();
    }
}
