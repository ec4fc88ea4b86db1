using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>The style sheet, the scripts and the icon, from this assembly's resources.</summary>
public static class PageAssets
{
    private static readonly Dictionary<string, Asset> All = new Dictionary<string, string>
    {
        ["site.css"] = "text/css; charset=utf-8",
        ["site.js"] = "text/javascript; charset=utf-8",
        ["parts.js"] = "text/javascript; charset=utf-8",
        ["job.js"] = "text/javascript; charset=utf-8",
        ["icon.svg"] = "image/svg+xml",
    }.ToDictionary(a => a.Key, a => Asset.Load(a.Key, a.Value));

    public static void MapPageAssets(this IEndpointRouteBuilder routes) => routes.MapGet("/assets/{name}", (HttpContext context, string name) =>
    {
        if (!All.TryGetValue(name, out var asset)) return Results.NotFound();
        // Asked for anew each time, and answered with nothing where it has not changed.
        context.Response.Headers.CacheControl = "no-cache";
        return Results.Bytes(asset.Bytes, asset.Type, entityTag: asset.Tag);
    }).AllowAnonymous().ExcludeFromDescription();

    private sealed record Asset(byte[] Bytes, string Type, EntityTagHeaderValue Tag)
    {
        public static Asset Load(string name, string type)
        {
            using var resource = typeof(PageAssets).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not embedded");
            using var copy = new MemoryStream();
            resource.CopyTo(copy);
            return new Asset(copy.ToArray(), type, new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(copy.ToArray()))[..16]}\""));
        }
    }
}
