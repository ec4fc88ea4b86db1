using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Gateway.Health;

/// <summary>
/// <c>/livez</c>: this process answers. <c>/readyz</c> (alias <c>/healthz</c>): grains and storage answer too. No key needed.
/// </summary>
public static class HealthApi
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private sealed record Check(string Status, string? Detail = null);

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/livez", () => Results.Json(new { status = "ok" })).AllowAnonymous().WithTags("health").WithSummary("The process answers");
        routes.MapGet("/readyz", Ready).AllowAnonymous().WithTags("health").WithSummary("Grains and storage answer");
        routes.MapGet("/healthz", Ready).AllowAnonymous().WithTags("health").WithSummary("The same as /readyz");
    }

    private static async Task<IResult> Ready(IGrainFactory grains, IBlobStore store, CancellationToken ct)
    {
        var silo = CheckAsync(() => grains.GetGrain<IPoolGrain>(PoolKeys.Default).Queues());
        var storage = CheckAsync(() => store.StatAsync("health/probe", ct).AsTask());
        var checks = new Dictionary<string, Check> { ["grains"] = await silo, ["storage"] = await storage };
        var ok = checks.Values.All(c => c.Status == "ok");
        return Results.Json(new { status = ok ? "ok" : "failing", checks }, Contracts.GridJson.Options, statusCode: ok ? 200 : 503);
    }

    private static async Task<Check> CheckAsync(Func<Task> probe)
    {
        try
        {
            await probe().WaitAsync(Patience);
            return new("ok");
        }
        catch (Exception e)
        {
            // Whatever the fault is, it is the check's answer.
            return new("failing", e.GetType().Name);
        }
    }
}
