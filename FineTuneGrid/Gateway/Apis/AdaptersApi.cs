using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/adapters</c>: the registry's versions and their files; push of existing PEFT adapters.</summary>
public static class AdaptersApi
{
    private sealed record CommitRequest(string? BaseModel = null);

    private sealed record PromoteRequest(string? Version = null, string? Stage = null);

    public static void MapAdapters(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/adapters").WithTags("adapters").InArea(KeyScopes.Registry);
        group.MapGet("/", List).RequireAuthorization(Policies.Reader).WithSummary("All adapters the key can see");
        group.MapGet("/{org}/{name}", Get).RequireAuthorization(Policies.Reader).WithSummary("One adapter with its versions").Produces<AdapterView>();
        group.MapGet("/{org}/{name}/versions/{version}/files/{**path}", File).RequireAuthorization(Policies.Reader).WithSummary("A file of a version");
        group.MapGet("/{org}/{name}/versions/{version}/verify", Verify).RequireAuthorization(Policies.Reader)
            .WithSummary("Read a version's stored files again and hold them against their digests").Produces<AdapterCheck>();
        group.MapPut("/{org}/{name}/files/{**path}", Put).RequireAuthorization(Policies.Member).WithSummary("Upload a file of an adapter to be pushed").DisableRequestLimits()
            .Audited(AuditMode.Soon);
        group.MapPost("/{org}/{name}/commit", Commit).RequireAuthorization(Policies.Member).WithSummary("Check the pushed files and register them as a version")
            .Produces<AdapterVersionView>(StatusCodes.Status201Created);
        group.MapPost("/{org}/{name}/promote", Promote).RequireAuthorization(Policies.Member).WithSummary("Make a version candidate, champion or archived; a champion keeps its job's gates")
            .Produces<AdapterVersionView>();
        group.MapGet("/{org}/{name}/stages", Stages).RequireAuthorization(Policies.Reader).WithSummary("What was promoted when and by whom, newest first");
        group.MapDelete("/{org}/{name}", Delete).RequireAuthorization(Policies.Member).WithSummary("Delete an adapter, or one ?version=");
    }

    private static async Task<IResult> List(HttpContext context, IGrainFactory grains, NameResolver names, string? after, int? limit)
    {
        var all = new List<AdapterView>();
        foreach (var org in await names.VisibleOrgsAsync(context.Caller()))
        {
            var ids = (await grains.GetGrain<IOrgGrain>(org).List(Ids.Adapter)).Values;
            all.AddRange((await Task.WhenAll(ids.Select(id => grains.GetGrain<IAdapterGrain>(id).Get()))).OfType<AdapterView>());
        }
        return Paging.Keyed(all, a => $"{a.Org}/{a.Name}", after, limit);
    }

    private static async Task<IResult> Get(HttpContext context, NameResolver names, string org, string name) =>
        Results.Json(await names.AdapterAsync(context.Caller(), org, name), GridJson.Options);

    private static async Task<IResult> File(
        HttpContext context, NameResolver names, LicenseDoor licenses, StoredFiles files, string org, string name, string version, string path, CancellationToken ct)
    {
        var found = NameResolver.Version(await names.AdapterAsync(context.Caller(), org, name), version);
        licenses.RequirePull(found.Lineage);
        return await files.ResultAsync(found.Files, path, ct);
    }

    private static async Task<IResult> Verify(HttpContext context, NameResolver names, AdapterAudit audit, string org, string name, string version, CancellationToken ct)
    {
        var adapter = await names.AdapterAsync(context.Caller(), org, name);
        return Results.Json(await audit.RunAsync(adapter, NameResolver.Version(adapter, version), ct), GridJson.Options);
    }

    private static async Task<IResult> Put(HttpContext context, AdapterPush push, string org, string name, string path, CancellationToken ct)
    {
        var (caller, target) = Writer(context, org, name);
        var file = await push.ReceiveAsync(context, caller, target, path, ct);
        return file is null ? Results.StatusCode(StatusCodes.Status202Accepted)
            : Results.Json(new { file.Path, file.Length, file.Sha256 }, GridJson.Options, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> Commit(HttpContext context, AdapterPush push, string org, string name, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CommitRequest>(context.Request, ct);
        var (caller, target) = Writer(context, org, name);
        return Results.Json(await push.CommitAsync(caller, target, request.BaseModel, ct), GridJson.Options, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> Promote(HttpContext context, IGrainFactory grains, NameResolver names, string org, string name, CancellationToken ct)
    {
        var (caller, target) = Writer(context, org, name);
        var adapter = await names.AdapterAsync(caller, org, name);
        var request = await BodyReader.ReadJsonAsync<PromoteRequest>(context.Request, ct);
        if (request.Version is null) throw new GridException(ErrorCodes.MissingField, $"version is required: a number, or an alias of {target}.", "version");
        var stage = AdapterStages.Check(request.Stage, "stage");
        var version = NameResolver.Version(adapter, request.Version);
        context.Changes($"{target}@{version.Version}: {stage}");
        return Results.Json(await grains.GetGrain<IAdapterGrain>(adapter.Id).Promote(new StagePromotion(version.Version, stage, caller.KeyId)), GridJson.Options);
    }

    private static async Task<IResult> Stages(HttpContext context, IGrainFactory grains, NameResolver names, string org, string name, int? after, int? limit)
    {
        var adapter = await names.AdapterAsync(context.Caller(), org, name);
        var history = await grains.GetGrain<IAdapterGrain>(adapter.Id).StageHistory();
        return Paging.First([.. history.Where(c => after is null || c.Seq < after)], limit, c => c.Seq);
    }

    private static async Task<IResult> Delete(HttpContext context, IGrainFactory grains, NameResolver names, string org, string name, string? version)
    {
        var (caller, _) = Writer(context, org, name);
        var adapter = await names.AdapterAsync(caller, org, name);
        await grains.GetGrain<IAdapterGrain>(adapter.Id).Delete(version is null ? null : NameResolver.Version(adapter, version).Version);
        if (version is null) await grains.GetGrain<IOrgGrain>(org).Free(Ids.Adapter, name, adapter.Id);
        return Results.NoContent();
    }

    private static (Principal Caller, AdapterRef Target) Writer(HttpContext context, string org, string name)
    {
        var caller = context.Caller();
        var target = new AdapterRef(Names.Check(org, "org"), Names.Check(name, "name"));
        if (!caller.CanSee(org)) throw NameResolver.Missing("adapter", target.ToString());
        return caller.CanWrite(org) ? (caller, target) : throw new GridException(ErrorCodes.Forbidden, $"This key may not write to organisation '{org}'.", "org");
    }
}
