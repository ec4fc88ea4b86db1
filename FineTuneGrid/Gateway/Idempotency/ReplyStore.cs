using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Idempotency;

/// <summary>A successful answer, as it was sent.</summary>
/// <param name="RequestDigest">SHA-256 of method, address and body that it answered.</param>
public sealed record StoredReply(string RequestDigest, int Status, string? ContentType, string? Location, byte[] Body);

/// <summary>Answers by caller and Idempotency-Key, for the day on which they were given and the next.</summary>
public sealed class ReplyStore(IBlobStore store, TimeProvider time)
{
    private const string Root = "idempotency/replies/";
    private const long MaxBytes = 64 << 20;

    private string _swept = "";

    public static string NameOf(string callerKeyId, string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{callerKeyId}\n{key}")));

    public async Task<StoredReply?> FindAsync(string name, CancellationToken ct)
    {
        foreach (var day in (string[])[Day(0), Day(-1)])
        {
            if (await store.ReadAllBytesAsync($"{Root}{day}/{name}.json", MaxBytes, ct) is var (_, bytes)) return GridJson.Parse<StoredReply>(bytes);
        }
        return null;
    }

    public async Task KeepAsync(string name, StoredReply reply)
    {
        await store.WriteBytesAsync($"{Root}{Day(0)}/{name}.json", GridJson.ToBytes(reply));
        await SweepAsync();
    }

    /// <summary>Once a day: what is older than yesterday goes.</summary>
    private async Task SweepAsync()
    {
        var (today, yesterday) = (Day(0), Day(-1));
        if (Interlocked.Exchange(ref _swept, today) == today) return;
        await foreach (var blob in store.ListAsync(Root))
        {
            if (string.CompareOrdinal(blob.Key[Root.Length..].Split('/')[0], yesterday) < 0) await store.DeleteAsync(blob.Key);
        }
    }

    private string Day(int offset) => time.GetUtcNow().AddDays(offset).ToString("yyyyMMdd", CultureInfo.InvariantCulture);
}
