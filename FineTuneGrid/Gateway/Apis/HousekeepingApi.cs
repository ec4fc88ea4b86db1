using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/housekeeping</c>: for the admin. By itself it runs once an hour.</summary>
public static class HousekeepingApi
{
    public static void MapHousekeeping(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/api/v1/housekeeping", Run).WithTags("housekeeping").RequireAuthorization(Policies.Admin)
            .WithSummary("Remove what nothing references any more; ?dry_run=true only lists it").Produces<HousekeepingReport>();

    private static async Task<IResult> Run(IHousekeeper housekeeper, bool? dry_run, CancellationToken ct) =>
        Results.Json(await housekeeper.RunAsync(dry_run == true, ct), GridJson.Options);
}
