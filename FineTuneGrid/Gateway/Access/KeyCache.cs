using System.Collections.Concurrent;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Gateway.Access;

/// <summary>
/// Who stands behind a key's hash, or a member's subject. Answers, refusals too, are reused for a short time; somewhat longer while the directory of keys
/// does not answer, as happens until the grains of a killed silo are elsewhere.
/// </summary>
public sealed class KeyCache(IGrainFactory grains, GatewayOptions options, TimeProvider time)
{
    private const int MaxEntries = 10_000;

    /// <summary>How long a directory that does not answer is waited for where there is an older answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Answer> _known = new();

    private readonly ConcurrentDictionary<string, DateTimeOffset> _uses = new();

    private sealed record Answer(Principal? Principal, DateTimeOffset At);

    /// <summary>The holder of a key, by its hash.</summary>
    public async ValueTask<Principal?> FindAsync(string hash)
    {
        var principal = await AskAsync(hash, directory => directory.FindKey(hash));
        if (principal is not null) _uses[principal.KeyId] = time.GetUtcNow();
        return principal;
    }

    /// <summary>The member of an organisation that a subject of the identity provider's is.</summary>
    public ValueTask<Principal?> FindMemberAsync(string subject) => AskAsync(OidcCallers.KeyPrefix + subject, async directory =>
        await directory.FindMember(subject) is { } member ? new Principal(OidcCallers.KeyPrefix + subject, member.Org, member.Role) : null);

    /// <summary>The last use of each key since this was asked last.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset> TakeUses()
    {
        var taken = new Dictionary<string, DateTimeOffset>();
        foreach (var id in _uses.Keys)
        {
            if (_uses.TryRemove(id, out var at)) taken[id] = at;
        }
        return taken;
    }

    private async ValueTask<Principal?> AskAsync(string name, Func<IDirectoryGrain, Task<Principal?>> ask)
    {
        var known = _known.GetValueOrDefault(name);
        if (IsYounger(known, options.KeyCacheTime)) return known!.Principal;
        var asked = ask(grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default));
        if (!IsYounger(known, options.KeyOutageTime)) return Keep(name, await asked);
        try
        {
            return Keep(name, await asked.WaitAsync(Patience, time));
        }
        catch (Exception e) when (e is TimeoutException or OrleansException)
        {
            return known!.Principal;
        }
    }

    /// <summary>Forgets everything: a change made through this gateway is effective on it at once.</summary>
    public void Clear() => _known.Clear();

    private bool IsYounger(Answer? answer, TimeSpan age) => answer is not null && time.GetUtcNow() < answer.At + age;

    private Principal? Keep(string name, Principal? principal)
    {
        if (_known.Count >= MaxEntries) _known.Clear();
        _known[name] = new Answer(principal, time.GetUtcNow());
        return principal;
    }
}
