using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Contracts.Webhooks;

/// <summary>Where webhooks are in the store.</summary>
public static class WebhookKeys
{
    public const string Root = "webhooks/";

    /// <summary>What is still to be told.</summary>
    public const string Notices = Root + "notices/";

    public static string Notice(string jobId) => $"{Notices}{jobId}.json";

    /// <summary>The addresses that an organisation wants to be told at.</summary>
    public static string Endpoints(string organisation) => $"{Root}endpoints/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(organisation)))[..40]}/";

    public static string Endpoint(string organisation, string id) => $"{Endpoints(organisation)}{id}.json";
}

/// <summary>The end of a job, to be told to its organisation's endpoints. Its JSON member names are a stored format.</summary>
/// <param name="Status">A terminal one.</param>
/// <param name="Deliveries">How far each endpoint is, by its id; one that is missing was not tried yet.</param>
public sealed record WebhookNotice(
    string JobId, string Organisation, JobStatus Status, DateTimeOffset At, IReadOnlyDictionary<string, WebhookDelivery> Deliveries);

/// <param name="Attempts">That ended in a failure.</param>
/// <param name="NextAt">Not before this time; while one is under way, when it counts as lost.</param>
/// <param name="Over">Taken by the endpoint, or given up.</param>
public sealed record WebhookDelivery(int Attempts, DateTimeOffset NextAt, bool Over = false);
