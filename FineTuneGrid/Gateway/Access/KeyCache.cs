using System.Collections.Concurrent;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using Orleans;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Who stands behind a key's hash. Answers, refusals too, are reused for a short time.</summary>
public sealed class KeyCache(IGrainFactory grains, GatewayOptions options, TimeProvider time)
{
    private const int MaxEntries = 10_000;

    private readonly ConcurrentDictionary<string, (Principal? Principal, DateTimeOffset Until)> _known = new();

    public async ValueTask<Principal?> FindAsync(string hash)
    {
        var now = time.GetUtcNow();
        if (_known.TryGetValue(hash, out var entry) && entry.Until > now) return entry.Principal;
        var principal = await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).FindKey(hash);
        if (_known.Count >= MaxEntries) _known.Clear();
        _known[hash] = (principal, now + options.KeyCacheTime);
        return principal;
    }

    /// <summary>Forgets everything: a change made through this gateway is effective on it at once.</summary>
    public void Clear() => _known.Clear();
}
