using System.Security.Cryptography;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>The style sheet and the script, from this assembly's resources.</summary>
public static class PageAssets
{
    public static void MapPageAssets(this IEndpointRouteBuilder routes)
    {
        Map(routes, "site.css", "text/css; charset=utf-8");
        Map(routes, "site.js", "text/javascript; charset=utf-8");
    }

    private static void Map(IEndpointRouteBuilder routes, string name, string type)
    {
        using var resource = typeof(PageAssets).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not embedded");
        using var copy = new MemoryStream();
        resource.CopyTo(copy);
        var bytes = copy.ToArray();
        var etag = new Microsoft.Net.Http.Headers.EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]}\"");
        routes.MapGet($"/assets/{name}", () => Results.Bytes(bytes, type, entityTag: etag)).AllowAnonymous().ExcludeFromDescription();
    }
}
