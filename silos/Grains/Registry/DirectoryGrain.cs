using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Organisations;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>Organisations, keys and members. Its JSON member names are a stored format.</summary>
public sealed record DirectoryState
{
    public IReadOnlyList<string> Orgs { get; init; } = [Names.SharedOrg];

    public IReadOnlyList<KeyEntry> Keys { get; init; } = [];

    public IReadOnlyList<OrgMember> Members { get; init; } = [];
}

/// <param name="SecretHash">Peppered SHA-256 of the secret; the secret itself is nowhere.</param>
public sealed record KeyEntry(KeyView View, string SecretHash);

/// <summary>The list of organisations, of API keys and of members.</summary>
[Reentrant]
[GrainType("directory")]
public sealed partial class DirectoryGrain : Grain, IDirectoryGrain
{
    private readonly StateCell<DirectoryState> _state;
    private readonly TimeProvider _time;
    private readonly ILogger<DirectoryGrain> _logger;

    public DirectoryGrain(
        [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<DirectoryState>> storage, TimeProvider time, ILogger<DirectoryGrain> logger)
    {
        _state = new(storage, OnBroken);
        (_time, _logger) = (time, logger);
    }

    private DirectoryState Current => _state.Current ?? new DirectoryState();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _state.Load();
        return Task.CompletedTask;
    }

    public Task AddOrg(string org) => _state.UpdateAsync(given =>
    {
        var state = given ?? new DirectoryState();
        return state.Orgs.Contains(org) ? given : state with { Orgs = [.. state.Orgs, org] };
    });

    public Task<IReadOnlyList<string>> Orgs() => Task.FromResult<IReadOnlyList<string>>(Current.Orgs.ToList());

    public async Task<KeyView> AddKey(CreateKeyRequest request, string id, string secretHash)
    {
        if (request.Role != Role.Admin || request.Org is not null)
            Names.Check(request.Org, "org");
        var view = new KeyView(id, request.Name, request.Org, request.Role, _time.GetUtcNow(), request.ExpiresAt, null, request.Scopes);
        return await _state.UpdateAsync(given =>
        {
            var state = given ?? new DirectoryState();
            if (state.Keys.FirstOrDefault(k => k.View.Id == id) is { } known)
                return known.SecretHash == secretHash
                    ? (state, known.View)
                    : throw new GridException(ErrorCodes.AlreadyExists, $"There is already a key '{id}'.");
            return (state with { Keys = [.. state.Keys, new KeyEntry(view, secretHash)] }, view);
        });
    }

    public Task<Principal?> FindKey(string secretHash)
    {
        var now = _time.GetUtcNow();
        var found = Current.Keys.FirstOrDefault(k => k.SecretHash == secretHash && k.View.RevokedAt is null && !(k.View.ExpiresAt <= now));
        return Task.FromResult(found is null ? null : new Principal(found.View.Id, found.View.Org, found.View.Role, found.View.Scopes));
    }

    public Task<IReadOnlyList<KeyView>> Keys() => Task.FromResult<IReadOnlyList<KeyView>>(Current.Keys.Select(k => k.View).ToList());

    public Task<KeyView?> Revoke(string keyId) => _state.UpdateAsync<KeyView?>(state =>
    {
        if (state?.Keys.FirstOrDefault(k => k.View.Id == keyId) is not { } entry)
            return (state, null);
        if (entry.View.RevokedAt is not null)
            return (state, entry.View);
        var revoked = entry.View with { RevokedAt = _time.GetUtcNow() };
        return (state with { Keys = [.. state.Keys.Select(k => k.View.Id == keyId ? k with { View = revoked } : k)] }, revoked);
    });

    public Task NoteUses(IReadOnlyDictionary<string, DateTimeOffset> uses) => _state.UpdateAsync(state =>
    {
        bool Newer(KeyView key) => uses.TryGetValue(key.Id, out var at) && (key.LastUsedAt is not { } last || at >= last + KeyView.LastUseWithin);
        return state?.Keys.Any(k => Newer(k.View)) == true
            ? state with { Keys = [.. state.Keys.Select(k => Newer(k.View) ? k with { View = k.View with { LastUsedAt = uses[k.View.Id] } } : k)] }
            : state;
    });

    public Task<OrgMember> SetMember(string org, string subject, Role role) => _state.UpdateAsync(given =>
    {
        var state = given ?? new DirectoryState();
        var known = state.Members.FirstOrDefault(m => m.Subject == subject);
        if (known is not null && known.Org != org)
            throw new GridException(ErrorCodes.Conflict, $"'{subject}' is a member of organisation '{known.Org}'; remove it there first.", "subject");
        var member = new OrgMember(subject, Names.Check(org, "org"), role, known?.AddedAt ?? _time.GetUtcNow());
        return known == member ? (state, member) : (state with { Members = [.. state.Members.Where(m => m != known), member] }, member);
    });

    public Task<bool> RemoveMember(string org, string subject) => _state.UpdateAsync(state =>
        state?.Members.FirstOrDefault(m => m.Org == org && m.Subject == subject) is { } known
            ? (state with { Members = [.. state.Members.Where(m => m != known)] }, true)
            : (state, false));

    public Task<IReadOnlyList<OrgMember>> Members(string org) => Task.FromResult<IReadOnlyList<OrgMember>>([.. Current.Members.Where(m => m.Org == org)]);

    public Task<OrgMember?> FindMember(string subject) => Task.FromResult(Current.Members.FirstOrDefault(m => m.Subject == subject));

    private void OnBroken(Exception e)
    {
        LogStateFailed(e);
        DeactivateOnIdle();
    }

    [LoggerMessage(LogLevel.Error, "The directory's state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e);
}
