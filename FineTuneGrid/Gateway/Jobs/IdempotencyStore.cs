using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Jobs;

/// <summary>
/// Which job an Idempotency-Key of a caller stands for. The claim is durable before the job is, so that a retry after any crash
/// reaches the same job.
/// </summary>
public sealed class IdempotencyStore(IBlobStore store)
{
    private const int MaxKeyLength = 255;

    private sealed record Claim(string JobId, string BodyDigest);

    /// <returns>The job id of the first request with this key.</returns>
    /// <exception cref="GridException"><c>idempotency_mismatch</c>: the key was used with another body.</exception>
    public async Task<string> ClaimAsync(string callerKeyId, string key, string bodyDigest, string newJobId, CancellationToken ct)
    {
        if (key.Length > MaxKeyLength) throw new GridException(ErrorCodes.InvalidValue, $"Idempotency-Key may have at most {MaxKeyLength} characters.", "Idempotency-Key");
        var blob = $"idempotency/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{callerKeyId}\n{key}")))}.json";
        try
        {
            await store.WriteJsonAsync(blob, new Claim(newJobId, bodyDigest), WriteCondition.IfAbsent, cancellation: ct);
            return newJobId;
        }
        catch (BlobConflictException)
        {
            var claim = (await store.ReadJsonAsync<Claim>(blob, cancellation: ct))?.Value ?? throw new GridException(ErrorCodes.Conflict, "The Idempotency-Key is being claimed; try again.");
            return claim.BodyDigest == bodyDigest ? claim.JobId
                : throw new GridException(ErrorCodes.IdempotencyMismatch, "This Idempotency-Key was used with another body; use a new key for a new job.", "Idempotency-Key");
        }
    }
}
