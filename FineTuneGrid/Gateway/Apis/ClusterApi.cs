using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/cluster/members</c>: the silos of the control plane, for its operators.</summary>
public static class ClusterApi
{
    public static void MapCluster(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/cluster").WithTags("cluster").RequireAuthorization(Policies.Admin);
        group.MapGet("/members", Members).WithSummary("The silos of the control plane");
        group.MapDelete("/members/{address}", Evict).WithSummary("Declare a silo dead; force=true also one that seems alive").Produces<ClusterMember>();
    }

    private static async Task<IResult> Members(IClusterMembers members, string? after, int? limit) =>
        Paging.Keyed(await members.ListAsync(), m => m.Address, after, limit);

    private static async Task<IResult> Evict(IClusterMembers members, string address, bool? force) =>
        Results.Json(await members.EvictAsync(address, force ?? false), GridJson.Options);
}
