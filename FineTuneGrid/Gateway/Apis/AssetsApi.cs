using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/models</c> and <c>/api/v1/datasets</c>: create, put files, commit, look, delete.</summary>
public static class AssetsApi
{
    private const int MaxLicense = 200;

    private sealed record CreateRequest(string Name, string? Org = null, string? License = null);

    private sealed record CommitRequest(string? License = null);

    private sealed record ImportRequest(string Name, string Path, string? Org = null, string? License = null);

    public static void MapAssets(this IEndpointRouteBuilder routes)
    {
        Map(routes, AssetKind.Model);
        Map(routes, AssetKind.Dataset);
    }

    private static void Map(IEndpointRouteBuilder routes, AssetKind kind)
    {
        var group = routes.MapGroup($"/api/v1/{kind.Route}").WithTags(kind.Route).InArea(KeyScopes.Registry);
        group.MapPost("/", (HttpContext c, AssetService a, CancellationToken ct) => Create(c, a, kind, ct)).RequireAuthorization(Policies.Member).WithSummary($"Create a {kind.Noun}");
        group.MapGet("/", (HttpContext c, AssetService a, string? after, int? limit) => List(c, a, kind, after, limit)).RequireAuthorization(Policies.Reader).WithSummary($"All {kind.Noun}s the key can see");
        group.MapGet("/{name}", (HttpContext c, AssetService a, string name, string? org) => Get(c, a, kind, name, org)).RequireAuthorization(Policies.Reader).WithSummary($"One {kind.Noun}");
        group.MapPut("/{name}/files/{**path}", (HttpContext c, AssetService a, string name, string path, string? org, CancellationToken ct) => Put(c, a, kind, name, path, org, ct))
            .RequireAuthorization(Policies.Member).WithSummary("Upload a file, whole or by Content-Range").DisableRequestLimits().Audited(AuditMode.Soon);
        group.MapGet("/{name}/files/{**path}", (HttpContext c, AssetService a, StoredFiles f, string name, string path, string? org, CancellationToken ct) => File(c, a, f, kind, name, path, org, ct))
            .RequireAuthorization(Policies.Reader).WithSummary("Download a file");
        group.MapPost("/{name}/commit", (HttpContext c, AssetService a, string name, string? org, CancellationToken ct) => Commit(c, a, kind, name, org, ct))
            .RequireAuthorization(Policies.Member).WithSummary("Inspect the files and make it ready");
        group.MapPost("/import", (HttpContext c, AssetService a, CancellationToken ct) => Import(c, a, kind, ct))
            .RequireAuthorization(Policies.Admin).WithSummary("Import files from a configured server-side folder");
        group.MapDelete("/{name}", (HttpContext c, AssetService a, string name, string? org) => Delete(c, a, kind, name, org))
            .RequireAuthorization(Policies.Member).WithSummary($"Delete a {kind.Noun} that no job needs");
    }

    private static async Task<IResult> Create(HttpContext context, AssetService assets, AssetKind kind, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CreateRequest>(context.Request, ct);
        var org = NameResolver.OrgForWrite(context.Caller(), request.Org);
        context.Changes($"{kind.Noun} {request.Name} of {org}");
        var (view, created) = await assets.CreateAsync(kind, org, Names.Check(request.Name, "name"), License(request.License));
        return Results.Json(view, GridJson.Options, statusCode: created ? 201 : 200).WithLocation(context, $"/api/v1/{kind.Route}/{request.Name}");
    }

    /// <summary>An identifier or a name, since it ends up in every model card; absent, the files' own README.md is asked.</summary>
    private static string? License(string? given) => given is null || (given.Trim().Length is > 0 and <= MaxLicense && !given.Any(char.IsControl)) ? given?.Trim()
        : throw new GridException(ErrorCodes.InvalidValue, $"license must be an identifier or name of 1 to {MaxLicense} characters on one line.", "license");

    private static async Task<IResult> List(HttpContext context, AssetService assets, AssetKind kind, string? after, int? limit)
    {
        var page = await assets.ListAsync(kind, context.Caller(), after, Paging.Limit(limit));
        return Paging.Page(page.Views, page.Next);
    }

    private static async Task<IResult> Get(HttpContext context, AssetService assets, AssetKind kind, string name, string? org) =>
        Results.Json((await assets.FindAsync(kind, context.Caller(), name, org)).View, GridJson.Options);

    private static async Task<IResult> Put(HttpContext context, AssetService assets, AssetKind kind, string name, string path, string? org, CancellationToken ct)
    {
        var asset = await assets.FindForWriteAsync(kind, context.Caller(), name, org);
        var file = await assets.ReceiveAsync(context, kind, asset, path, ct);
        return file is null ? Results.StatusCode(StatusCodes.Status202Accepted)
            : Results.Json(new { file.Path, file.Length, file.Sha256 }, GridJson.Options, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> File(
        HttpContext context, AssetService assets, StoredFiles files, AssetKind kind, string name, string path, string? org, CancellationToken ct)
    {
        var asset = await assets.FindAsync(kind, context.Caller(), name, org);
        return await files.ResultAsync(asset.Files, path, ct);
    }

    private static async Task<IResult> Commit(HttpContext context, AssetService assets, AssetKind kind, string name, string? org, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CommitRequest>(context.Request, ct);
        var asset = await assets.FindForWriteAsync(kind, context.Caller(), name, org);
        return Results.Json(await assets.CommitAsync(kind, asset.Id, License(request.License)), GridJson.Options);
    }

    private static async Task<IResult> Import(HttpContext context, AssetService assets, AssetKind kind, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<ImportRequest>(context.Request, ct);
        var org = NameResolver.OrgForWrite(context.Caller(), request.Org);
        context.Changes($"{kind.Noun} {request.Name} of {org}");
        return Results.Json(await assets.ImportAsync(kind, org, Names.Check(request.Name, "name"), request.Path, License(request.License), ct), GridJson.Options);
    }

    private static async Task<IResult> Delete(HttpContext context, AssetService assets, AssetKind kind, string name, string? org)
    {
        var asset = await assets.FindForWriteAsync(kind, context.Caller(), name, org);
        await assets.DeleteAsync(kind, asset);
        return Results.NoContent();
    }
}
