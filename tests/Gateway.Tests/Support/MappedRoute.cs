using System.Text.RegularExpressions;
using FineTuneGrid.Gateway.Access;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>A route that the gateway has mapped, with one of its methods.</summary>
internal sealed partial record MappedRoute(string Method, RouteEndpoint Endpoint)
{
    /// <summary>As the code has it, without a slash at the end.</summary>
    public string Template => "/" + Endpoint.RoutePattern.RawText!.Trim('/');

    public string Name => $"{Method} {Template}";

    /// <summary>As OpenAPI has it.</summary>
    public string Documented => $"{Method} {Parameter().Replace(Template, "{$1}")}";

    public bool IsPublic => Endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null;

    /// <summary>The one policy; null for none, or more than one.</summary>
    public string? Policy => Endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>() is [var only] ? only.Policy : null;

    public bool IsForBrowsers => Policy is Policies.Page or Policies.PageMember or Policies.PageAdmin;

    public bool HasParameters => Endpoint.RoutePattern.Parameters.Count > 0;

    public bool Reads => Method is "GET" or "HEAD";

    public static List<MappedRoute> All(GatewayUnderTest gateway) =>
    [
        .. gateway.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(e => e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Select(m => new MappedRoute(m, e))),
    ];

    /// <param name="values">Of the parameters; those that it lacks are names that exist nowhere.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpClient client, IReadOnlyDictionary<string, string>? values = null)
    {
        var path = "/" + string.Join('/', Endpoint.RoutePattern.PathSegments.Select(s => string.Concat(s.Parts.Select(p => p switch
        {
            RoutePatternLiteralPart literal => literal.Content,
            RoutePatternSeparatorPart separator => separator.Content,
            RoutePatternParameterPart parameter => values?.GetValueOrDefault(parameter.Name) ?? Nowhere(parameter.Name),
            _ => throw new InvalidOperationException($"{Template} has a part of another kind"),
        }))));
        using var request = new HttpRequestMessage(new HttpMethod(Method), path) { Content = Method is "POST" ? HttpAssert.Json("{}") : null };
        // A stream of events would never be there whole.
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static string Nowhere(string parameter) => parameter switch
    {
        "org" => GatewayUnderTest.Acme,
        "verb" => "pause",
        _ => "nothing",
    };

    [GeneratedRegex(@"\{\**([a-zA-Z]+)[^}]*(?:\([^)]*\))?[^}]*\}")]
    private static partial Regex Parameter();
}
