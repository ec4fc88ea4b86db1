using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/nodes</c> and <c>/api/v1/queues</c>.</summary>
public static class FleetApi
{
    private sealed record DrainRequest(bool Draining = true);

    public static void MapFleet(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("fleet");
        group.MapGet("/nodes", Nodes).RequireAuthorization(Policies.Reader).WithSummary("Nodes and what runs on them");
        group.MapPost("/nodes/{id}/drain", Drain).RequireAuthorization(Policies.Admin).WithSummary("Drain a node, or take it back").Produces<NodeView>();
        group.MapGet("/queues", Queues).RequireAuthorization(Policies.Reader).WithSummary("Waiting and running jobs by queue");
    }

    private static async Task<IResult> Nodes(IGrainFactory grains, string? after, int? limit)
    {
        var ids = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Nodes();
        var views = await Task.WhenAll(ids.Select(id => grains.GetGrain<INodeGrain>(id).Get()));
        return Paging.Keyed(views.OfType<NodeView>(), n => n.Id, after, limit);
    }

    private static async Task<IResult> Drain(HttpContext context, IGrainFactory grains, string id, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<DrainRequest>(context.Request, ct);
        if (!(await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Nodes()).Contains(id)) throw NameResolver.Missing("node", id);
        return Results.Json(await grains.GetGrain<INodeGrain>(id).Drain(request.Draining), GridJson.Options);
    }

    private static async Task<IResult> Queues(IGrainFactory grains, string? after, int? limit) =>
        Paging.Keyed(await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Queues(), q => q.Name, after, limit);
}
