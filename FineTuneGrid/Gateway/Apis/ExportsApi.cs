using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>.../exports</c> below models and adapter versions: asked for once, looked at until ready, downloaded.</summary>
public static class ExportsApi
{
    public static void MapExports(this IEndpointRouteBuilder routes)
    {
        var adapters = routes.MapGroup("/api/v1/adapters/{org}/{name}/versions/{version}/exports").WithTags("adapters").InArea(KeyScopes.Registry);
        adapters.MapPost("/", BeginAdapter).RequireAuthorization(Policies.Member).WithSummary("Write the version as merged or gguf; asking again changes nothing").Produces<ExportView>(StatusCodes.Status202Accepted);
        adapters.MapGet("/{export}", GetAdapter).RequireAuthorization(Policies.Reader).WithSummary("How far an export is, its files and how it was measured").Produces<ExportView>();
        adapters.MapGet("/{export}/files/{**path}", AdapterFile).RequireAuthorization(Policies.Reader).WithSummary("A file of an export");

        var models = routes.MapGroup("/api/v1/models/{name}/exports").WithTags("models").InArea(KeyScopes.Registry);
        models.MapPost("/", BeginModel).RequireAuthorization(Policies.Member).WithSummary("Write the model as gguf; asking again changes nothing").Produces<ExportView>(StatusCodes.Status202Accepted);
        models.MapGet("/{export}", GetModel).RequireAuthorization(Policies.Reader).WithSummary("How far an export is, its files and how it was measured").Produces<ExportView>();
        models.MapGet("/{export}/files/{**path}", ModelFile).RequireAuthorization(Policies.Reader).WithSummary("A file of an export");
    }

    private static async Task<IResult> BeginAdapter(HttpContext context, NameResolver names, ExportService exports, string org, string name, string version, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<ExportRequest>(context.Request, ct);
        var (adapter, found) = await FindAsync(context, names, org, name, version);
        return Begun(await exports.BeginAsync(context.Caller(), adapter, found, request));
    }

    private static async Task<IResult> GetAdapter(HttpContext context, NameResolver names, ExportService exports, string org, string name, string version, string export)
    {
        var (adapter, found) = await FindAsync(context, names, org, name, version);
        return Results.Json(await exports.GetAsync(adapter, found, export), GridJson.Options);
    }

    private static async Task<IResult> AdapterFile(
        HttpContext context, NameResolver names, LicenseDoor licenses, ExportService exports, StoredFiles files, string org, string name, string version, string export, string path, CancellationToken ct)
    {
        var (adapter, found) = await FindAsync(context, names, org, name, version);
        licenses.RequirePull(found.Lineage);
        return await files.ResultAsync((await exports.GetAsync(adapter, found, export)).Files ?? [], path, ct);
    }

    private static async Task<IResult> BeginModel(HttpContext context, NameResolver names, ExportService exports, string name, string? org, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<ExportRequest>(context.Request, ct);
        return Begun(await exports.BeginAsync(context.Caller(), await names.ModelAsync(context.Caller(), name, org), request));
    }

    private static async Task<IResult> GetModel(HttpContext context, NameResolver names, ExportService exports, string name, string export, string? org) =>
        Results.Json(await exports.GetAsync(await names.ModelAsync(context.Caller(), name, org), export), GridJson.Options);

    private static async Task<IResult> ModelFile(
        HttpContext context, NameResolver names, ExportService exports, StoredFiles files, string name, string export, string path, string? org, CancellationToken ct)
    {
        var model = await names.ModelAsync(context.Caller(), name, org);
        return await files.ResultAsync((await exports.GetAsync(model, export)).Files ?? [], path, ct);
    }

    private static IResult Begun(ExportView view) =>
        Results.Json(view, GridJson.Options, statusCode: view.Status == ExportStatus.Ready ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);

    private static async Task<(AdapterView Adapter, AdapterVersionView Version)> FindAsync(HttpContext context, NameResolver names, string org, string name, string version)
    {
        var adapter = await names.AdapterAsync(context.Caller(), org, name);
        return (adapter, NameResolver.Version(adapter, version));
    }
}
