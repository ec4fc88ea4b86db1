using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Webhooks;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Storage;
using Microsoft.AspNetCore.DataProtection;

namespace FineTuneGrid.Gateway.OpenAi.Webhooks;

/// <summary>An address that an organisation wants to be told at.</summary>
/// <param name="Events">Types of events, such as <c>fine_tuning.job.succeeded</c>.</param>
/// <param name="Secret">As the receiver knows it.</param>
public sealed record WebhookEndpoint(string Id, string Organisation, string Url, IReadOnlyList<string> Events, DateTimeOffset CreatedAt, string Secret);

/// <summary>Types of events.</summary>
public static class WebhookEvents
{
    private const string Prefix = "fine_tuning.job.";

    public static readonly IReadOnlyList<string> All = [Of(JobStatus.Succeeded), Of(JobStatus.Failed), Of(JobStatus.Cancelled)];

    /// <param name="status">A terminal one.</param>
    public static string Of(JobStatus status) => Prefix + status.ToString().ToLowerInvariant();
}

/// <summary>The endpoints of organisations. Their secrets are sealed under the grid's own: what reads the store cannot sign.</summary>
public sealed class WebhookStore(IBlobStore store, IDataProtectionProvider protection)
{
    public const string IdKind = "webhook";

    private const int MaxEndpoints = 10;

    private readonly IDataProtector _protector = protection.CreateProtector("FineTuneGrid.Webhook");

    /// <summary>Keeps an endpoint; one that is there already stays as it is.</summary>
    /// <exception cref="GridException"><c>conflict</c>: the organisation has as many as it may.</exception>
    public async Task<WebhookEndpoint> AddAsync(WebhookEndpoint endpoint, CancellationToken ct)
    {
        var known = await ListAsync(endpoint.Organisation, ct);
        if (known.FirstOrDefault(e => e.Id == endpoint.Id) is { } same) return same;
        if (known.Count >= MaxEndpoints) throw new GridException(ErrorCodes.Conflict, $"Organisation '{endpoint.Organisation}' has {known.Count} webhooks already; delete one first.", "url");
        await store.WriteJsonAsync(WebhookKeys.Endpoint(endpoint.Organisation, endpoint.Id), endpoint with { Secret = _protector.Protect(endpoint.Secret) }, options: GridJson.Options, cancellation: ct);
        return endpoint;
    }

    /// <summary>All endpoints of an organisation, the oldest first.</summary>
    public async Task<IReadOnlyList<WebhookEndpoint>> ListAsync(string organisation, CancellationToken ct)
    {
        var endpoints = new List<WebhookEndpoint>();
        await foreach (var blob in store.ListAsync(WebhookKeys.Endpoints(organisation), ct))
        {
            if (await store.ReadJsonAsync<WebhookEndpoint>(blob.Key, GridJson.Options, ct) is var (_, endpoint))
                endpoints.Add(endpoint with { Secret = _protector.Unprotect(endpoint.Secret) });
        }
        return endpoints;
    }

    /// <exception cref="GridException"><c>not_found</c></exception>
    public async Task DeleteAsync(string organisation, string id, CancellationToken ct)
    {
        if (!Ids.IsId(id, IdKind) || !await store.DeleteAsync(WebhookKeys.Endpoint(organisation, id), cancellation: ct)) throw NameResolver.Missing("webhook", id);
    }
}
