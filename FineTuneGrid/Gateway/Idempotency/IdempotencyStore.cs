using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Idempotency;

/// <summary>
/// Which job, or API key, an Idempotency-Key of a caller stands for. The claim is durable before the thing is, so that a retry
/// after any crash reaches the same one.
/// </summary>
public sealed class IdempotencyStore(IBlobStore store)
{
    private sealed record Claim(string JobId, string BodyDigest);

    /// <returns>The id that the first request with this key was given.</returns>
    /// <exception cref="GridException"><c>idempotency_mismatch</c>: the key was used with another body.</exception>
    public async Task<string> ClaimAsync(string callerKeyId, string key, string bodyDigest, string newId, CancellationToken ct)
    {
        var blob = $"idempotency/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{callerKeyId}\n{key}")))}.json";
        try
        {
            await store.WriteJsonAsync(blob, new Claim(newId, bodyDigest), WriteCondition.IfAbsent, cancellation: ct);
            return newId;
        }
        catch (BlobConflictException)
        {
            var claim = (await store.ReadJsonAsync<Claim>(blob, cancellation: ct))?.Value ?? throw new GridException(ErrorCodes.Conflict, "The Idempotency-Key is being claimed; try again.");
            return claim.BodyDigest == bodyDigest ? claim.JobId
                : throw new GridException(ErrorCodes.IdempotencyMismatch, "This Idempotency-Key was used with another request; use a new key for a new one.", IdempotentPosts.Header);
        }
    }
}
