using Microsoft.AspNetCore.Diagnostics;

namespace FineTuneGrid.Gateway.Problems;

/// <summary>The form in which a route's clients read refusals.</summary>
public enum ErrorForm
{
    /// <summary>RFC 9457.</summary>
    Problem,
    OpenAi,
    Hub,
}

/// <summary>The form of a route's refusals; a route without it has problem documents.</summary>
public sealed record ErrorShape(ErrorForm Form)
{
    /// <summary>Where there is no route at all, clients still ask for one below a root of theirs.</summary>
    private static readonly (PathString Root, ErrorForm Form)[] Roots = [("/v1", ErrorForm.OpenAi), ("/api/models", ErrorForm.Hub), ("/api/repos", ErrorForm.Hub)];

    internal static ErrorForm Of(HttpContext context)
    {
        // The handler of exceptions takes the route away, and keeps it here.
        var endpoint = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint ?? context.GetEndpoint();
        return endpoint is RouteEndpoint
            ? endpoint.Metadata.GetMetadata<ErrorShape>()?.Form ?? ErrorForm.Problem
            : Roots.FirstOrDefault(r => context.Request.Path.StartsWithSegments(r.Root)).Form;
    }
}

public static class ErrorShapeExtensions
{
    public static TBuilder WithErrors<TBuilder>(this TBuilder builder, ErrorForm form) where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new ErrorShape(form));
}
