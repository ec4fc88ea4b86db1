using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Organisations;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Quotas;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/orgs</c>: what organisations keep in the store, and how much they may.</summary>
public static class OrgsApi
{
    private sealed record QuotaRequest(long? Bytes = null);

    public static void MapOrgs(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/orgs").WithTags("orgs");
        group.MapGet("/", List).RequireAuthorization(Policies.Reader).WithSummary("The organisations that the key can see, with used bytes and quota");
        group.MapGet("/{org}", Get).RequireAuthorization(Policies.Reader).WithSummary("What an organisation keeps, by kind, and the largest of it").Produces<OrgUsageView>();
        group.MapPut("/{org}/quota", SetQuota).RequireAuthorization(Policies.Admin).WithSummary("Set an organisation's quota in bytes; null lifts it").Produces<OrgUsageView>();
    }

    private static async Task<IResult> List(HttpContext context, NameResolver names, QuotaGate quotas, string? after, int? limit)
    {
        var count = Paging.Limit(limit);
        var remaining = (await names.VisibleOrgsAsync(context.Caller())).Order(StringComparer.Ordinal).Where(o => after is null || string.CompareOrdinal(o, after) > 0).ToList();
        var page = new List<OrgView>();
        foreach (var org in remaining.Take(count))
        {
            var usage = await quotas.UsageAsync(org, fresh: false);
            page.Add(new OrgView(org, usage.UsedBytes, usage.QuotaBytes));
        }
        return Paging.Page(page, remaining.Count > count ? page[^1].Name : null);
    }

    private static async Task<IResult> Get(HttpContext context, NameResolver names, QuotaGate quotas, string org) =>
        (await names.VisibleOrgsAsync(context.Caller())).Contains(org) ? Results.Json(await quotas.UsageAsync(org), GridJson.Options) : throw NameResolver.Missing("organisation", org);

    private static async Task<IResult> SetQuota(HttpContext context, IGrainFactory grains, QuotaGate quotas, string org, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<QuotaRequest>(context.Request, ct);
        await grains.GetGrain<IOrgGrain>(Names.Check(org, "org")).SetQuota(request.Bytes);
        return Results.Json(await quotas.UsageAsync(org), GridJson.Options);
    }
}
