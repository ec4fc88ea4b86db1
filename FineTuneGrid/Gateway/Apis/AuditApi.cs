using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/audit</c>: who changed what, for the admin.</summary>
public static class AuditApi
{
    private static readonly TimeSpan DefaultSpan = TimeSpan.FromDays(1);
    private static readonly TimeSpan LongestSpan = TimeSpan.FromDays(400);

    public static void MapAudit(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/audit", List).WithTags("audit").RequireAuthorization(Policies.Admin)
            .WithSummary("Requests for changes, oldest first: ?since= (default: a day ago), ?until= (now), ?org=, ?key=");

    private static async Task<IResult> List(
        AuditReader reader, TimeProvider time, DateTimeOffset? since, DateTimeOffset? until, string? org, string? key, string? after, int? limit, CancellationToken ct)
    {
        var end = until ?? time.GetUtcNow();
        var begin = since ?? end - DefaultSpan;
        if (begin > end) throw new GridException(ErrorCodes.InvalidValue, "since must not be later than until.", "since");
        if (end - begin > LongestSpan) throw new GridException(ErrorCodes.InvalidValue, $"since and until may be {LongestSpan.TotalDays:0} days apart at most; ask for less.", "since");
        var (records, next) = await reader.ReadAsync(new AuditQuery(begin, end, org, key), after, Paging.Limit(limit), ct);
        return Paging.Page(records, next);
    }
}
