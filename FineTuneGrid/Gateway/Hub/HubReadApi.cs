using System.Globalization;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Problems;
using Microsoft.Net.Http.Headers;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>What the official Hub clients read: a repository's description, its tree, its revisions and its files.</summary>
public static class HubReadApi
{
    private const int MaxPaths = 10_000;
    private static readonly string[] GetAndHead = ["GET", "HEAD"];

    private sealed record PathsRequest(string[]? Paths, bool? Expand);

    public static void MapHubReads(this IEndpointRouteBuilder root)
    {
        var routes = root.MapGroup("").WithErrors(ErrorForm.Hub).InArea(KeyScopes.Registry).Audited(AuditMode.Never);
        foreach (var repo in HubAddress.Routes)
        {
            var api = routes.MapGroup($"/api/models/{repo}").WithTags("hub").RequireAuthorization(Policies.Reader);
            api.MapGet("", Info).WithSummary("A model or adapter as a Hub repository");
            api.MapGet("/revision/{rev}", Info).WithSummary("The same at a revision: main, a version, or a commit id");
            api.MapGet("/tree/{rev}", Tree).WithSummary("Its files, in pages");
            api.MapGet("/tree/{rev}/{**path}", Tree).WithSummary("Its files below a folder, in pages");
            api.MapPost("/paths-info/{rev}", PathsInfo).WithSummary("Some of its files and folders");
            api.MapGet("/refs", Refs).WithSummary("Its branch and its versions as tags");
            api.MapGet("/commits/{rev}", Commits).WithSummary("Its versions up to a revision, newest first");
            var files = routes.MapGroup($"/{repo}").WithTags("hub").RequireAuthorization(Policies.Reader);
            files.MapMethods("/resolve/{rev}/{**path}", GetAndHead, Resolve).WithSummary("A file's content");
            files.MapMethods("/raw/{rev}/{**path}", GetAndHead, Raw).WithSummary("A file's Git LFS pointer");
        }
        routes.MapGet("/api/whoami-v2", (HttpContext context) => Results.Json(HubViews.WhoAmI(context.Caller()), HubViews.Json)).RequireAuthorization(Policies.Reader)
            .WithTags("hub").WithSummary("Who holds the key");
    }

    private static async Task<IResult> Info(HttpContext context, HubRepos repos, HubAddress address)
    {
        var (repo, revision) = await FindAsync(context, repos, address);
        return Results.Json(HubViews.Info(repo, revision), HubViews.Json);
    }

    private static async Task<IResult> Tree(HttpContext context, HubRepos repos, HubAddress address, bool? recursive, bool? expand, string? cursor, int? limit)
    {
        var (repo, revision) = await FindAsync(context, repos, address);
        var entries = revision.Tree().List(address.Path, recursive == true) ?? throw NoEntry(repo, revision, address.Path);
        return Results.Json(HubPaging.Page(context, entries, e => e.Path, cursor, limit).Select(e => HubViews.Entry(e, revision, expand == true)), HubViews.Json);
    }

    private static async Task<IResult> PathsInfo(HttpContext context, HubRepos repos, HubAddress address, CancellationToken ct)
    {
        var (paths, expand) = await PathsAsync(context.Request, ct);
        var (_, revision) = await FindAsync(context, repos, address);
        var tree = revision.Tree();
        return Results.Json(paths.Select(p => tree.Find(p.Trim('/'))).OfType<HubTreeEntry>().Select(e => HubViews.Entry(e, revision, expand)), HubViews.Json);
    }

    private static async Task<IResult> Refs(HttpContext context, HubRepos repos, HubAddress address) =>
        Results.Json(HubViews.Refs((await FindAsync(context, repos, address)).Repo), HubViews.Json);

    private static async Task<IResult> Commits(HttpContext context, HubRepos repos, HubAddress address, string? cursor, int? limit)
    {
        var (repo, revision) = await FindAsync(context, repos, address);
        var history = repo.Revisions.SkipWhile(r => r != revision).ToList();
        return Results.Json(HubPaging.Page(context, history, r => r.Sha, cursor, limit).Select(r => HubViews.Commit(repo, r)), HubViews.Json);
    }

    private static async Task<IResult> Resolve(HttpContext context, HubRepos repos, LicenseDoor licenses, StoredFiles files, HubAddress address, CancellationToken ct)
    {
        var (repo, revision) = await FindAsync(context, repos, address);
        context.Response.Headers["X-Repo-Commit"] = revision.Sha;
        if (revision.Files.FirstOrDefault(f => f.Path == address.Path) is not { } file) return await MissingAsync(context, repo, revision, address);
        licenses.RequirePull(revision.Lineage);
        context.Response.Headers["X-Linked-Size"] = file.Length.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["X-Linked-ETag"] = $"\"{file.Sha256}\"";
        return await files.ResultAsync(revision.Files, address.Path, ct);
    }

    private static async Task<IResult> Raw(HttpContext context, HubRepos repos, HubAddress address)
    {
        var (repo, revision) = await FindAsync(context, repos, address);
        context.Response.Headers["X-Repo-Commit"] = revision.Sha;
        return revision.Tree().Find(address.Path) is { File: { } file } entry
            ? Results.Bytes(HubPointer.Bytes(file), "text/plain", enableRangeProcessing: true, entityTag: new EntityTagHeaderValue($"\"{entry.Oid}\""))
            : await MissingAsync(context, repo, revision, address);
    }

    private static async Task<(HubRepo Repo, HubRevision Revision)> FindAsync(HttpContext context, HubRepos repos, HubAddress address)
    {
        var repo = await repos.FindAsync(context.Caller(), address.Org, address.Name);
        return (repo, repo.At(address.Revision));
    }

    /// <summary>Not thrown: clients remember from the commit id beside the refusal that this version has no such file.</summary>
    private static async Task<IResult> MissingAsync(HttpContext context, HubRepo repo, HubRevision revision, HubAddress address)
    {
        await HubErrors.WriteAsync(context, StatusCodes.Status404NotFound, NoEntry(repo, revision, address.Path).ToError());
        return Results.Empty;
    }

    private static GridException NoEntry(HubRepo repo, HubRevision revision, string path) =>
        new(ErrorCodes.NotFound, $"{repo.Id} has no '{path}' at version {revision.Name}.", "path");

    /// <summary>The JavaScript client sends JSON, the Python client a form.</summary>
    private static async Task<(IReadOnlyList<string> Paths, bool Expand)> PathsAsync(HttpRequest request, CancellationToken ct)
    {
        string?[]? paths;
        bool expand;
        if (request.HasFormContentType)
        {
            var form = await request.ReadFormAsync(ct);
            (paths, expand) = ([.. form["paths"]], bool.TryParse(form["expand"], out var given) && given);
        }
        else
        {
            var sent = JsonSerializer.Deserialize<PathsRequest>(await BodyReader.ReadAsync(request, 4 << 20, ct), HubViews.Json);
            (paths, expand) = (sent?.Paths, sent?.Expand == true);
        }
        return paths is { Length: <= MaxPaths } ? ([.. paths.OfType<string>()], expand)
            : throw new GridException(ErrorCodes.InvalidRequest, $"paths is required: a list of at most {MaxPaths} paths.", "paths");
    }
}
