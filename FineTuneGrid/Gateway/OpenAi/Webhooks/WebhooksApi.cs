using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Idempotency;

namespace FineTuneGrid.Gateway.OpenAi.Webhooks;

/// <summary><c>/api/v1/webhooks</c>: where an organisation is told that its jobs have ended.</summary>
public static class WebhooksApi
{
    private sealed record CreateRequest(string? Url = null, string[]? Events = null, string? Org = null);

    private sealed record WebhookView(string Id, string Org, string Url, IReadOnlyList<string> Events, DateTimeOffset CreatedAt, string? Secret);

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.MapGroup("/api/v1/webhooks").WithTags("webhooks").RequireAuthorization(Policies.Member);
        webhooks.MapPost("", Create).WithSummary("Be told of jobs' ends at an address; the answer shows the signing secret, once").WithMetadata(HandlesIdempotency.Instance);
        webhooks.MapGet("", List).WithSummary("The organisation's webhooks");
        webhooks.MapDelete("/{id}", Delete).WithSummary("Delete a webhook");
    }

    private static async Task<IResult> Create(HttpContext context, WebhookStore webhooks, WebhookEgress egress, IdempotencyStore idempotency, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CreateRequest>(context.Request, ct);
        var (caller, now) = (context.Caller(), time.GetUtcNow());
        var organisation = NameResolver.OrgForWrite(caller, request.Org);
        var url = egress.Check(request.Url).AbsoluteUri;
        var events = (request.Events ?? [.. WebhookEvents.All]).Distinct().ToList();
        if (events.Count == 0 || events.Exists(e => !WebhookEvents.All.Contains(e)))
            throw new GridException(ErrorCodes.InvalidValue, $"events must be some of {string.Join(", ", WebhookEvents.All)}.", "events");
        var key = context.Request.Headers[IdempotentPosts.Header].ToString();
        var id = Ids.New(WebhookStore.IdKind, now);
        if (key.Length > 0) id = await idempotency.ClaimAsync(caller.KeyId, key, KeyDigest.Of($"{organisation}\n{url}\n{string.Join('\n', events)}"), id, ct);
        var endpoint = await webhooks.AddAsync(new WebhookEndpoint(id, organisation, url, events, now, StandardWebhook.NewSecret()), ct);
        return Results.Json(View(endpoint, endpoint.Secret), GridJson.Options, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> List(HttpContext context, WebhookStore webhooks, string? org, CancellationToken ct)
    {
        var known = await webhooks.ListAsync(NameResolver.OrgForWrite(context.Caller(), org), ct);
        return Paging.Page(known.Select(e => View(e, null)), null);
    }

    private static async Task<IResult> Delete(HttpContext context, WebhookStore webhooks, string id, string? org, CancellationToken ct)
    {
        await webhooks.DeleteAsync(NameResolver.OrgForWrite(context.Caller(), org), id, ct);
        return Results.NoContent();
    }

    private static WebhookView View(WebhookEndpoint endpoint, string? secret) =>
        new(endpoint.Id, endpoint.Organisation, endpoint.Url, endpoint.Events, endpoint.CreatedAt, secret);
}
