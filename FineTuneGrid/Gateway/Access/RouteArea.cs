using FineTuneGrid.Contracts.Access;
using Microsoft.AspNetCore.Authorization;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Which of the areas that <see cref="KeyScopes"/> speak of a route lies in. Routes without one are closed to keys with scopes.</summary>
public sealed record RouteArea(string Name);

public static class RouteAreaExtensions
{
    /// <param name="area">One of <see cref="KeyScopes"/>' areas.</param>
    public static TBuilder InArea<TBuilder>(this TBuilder builder, string area) where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new RouteArea(area));
}

/// <summary>The caller's key has no scopes, or one for the route's area.</summary>
/// <param name="Write">Whether the route is for those who may write.</param>
internal sealed record ScopeRequirement(bool Write) : IAuthorizationRequirement;

internal sealed class ScopeHandler : AuthorizationHandler<ScopeRequirement>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, ScopeRequirement requirement)
    {
        var area = (context.Resource as HttpContext)?.GetEndpoint()?.Metadata.GetMetadata<RouteArea>();
        if (KeyScopes.Allow(CallerIdentity.Scopes(context.User), area?.Name, requirement.Write)) context.Succeed(requirement);
        return Task.CompletedTask;
    }
}
