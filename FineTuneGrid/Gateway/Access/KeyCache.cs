using System.Collections.Concurrent;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Gateway.Access;

/// <summary>
/// Who stands behind a key's hash. Answers, refusals too, are reused for a short time; somewhat longer while the directory of keys
/// does not answer, as happens until the grains of a killed silo are elsewhere.
/// </summary>
public sealed class KeyCache(IGrainFactory grains, GatewayOptions options, TimeProvider time)
{
    private const int MaxEntries = 10_000;

    /// <summary>How long a directory that does not answer is waited for where there is an older answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Answer> _known = new();

    private sealed record Answer(Principal? Principal, DateTimeOffset At);

    public async ValueTask<Principal?> FindAsync(string hash)
    {
        var known = _known.GetValueOrDefault(hash);
        if (IsYounger(known, options.KeyCacheTime)) return known!.Principal;
        var asked = grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).FindKey(hash);
        if (!IsYounger(known, options.KeyOutageTime)) return Keep(hash, await asked);
        try
        {
            return Keep(hash, await asked.WaitAsync(Patience, time));
        }
        catch (Exception e) when (e is TimeoutException or OrleansException)
        {
            return known!.Principal;
        }
    }

    /// <summary>Forgets everything: a change made through this gateway is effective on it at once.</summary>
    public void Clear() => _known.Clear();

    private bool IsYounger(Answer? answer, TimeSpan age) => answer is not null && time.GetUtcNow() < answer.At + age;

    private Principal? Keep(string hash, Principal? principal)
    {
        if (_known.Count >= MaxEntries) _known.Clear();
        _known[hash] = new Answer(principal, time.GetUtcNow());
        return principal;
    }
}
