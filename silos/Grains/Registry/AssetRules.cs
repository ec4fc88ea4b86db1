using System.Collections.Immutable;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Grains.Registry;

/// <summary>The life of a model or data set, as pure functions.</summary>
internal static class AssetRules
{
    public const int MaxFiles = 10_000;

    public static AssetState<T> Create<T>(AssetState<T>? state, string id, string org, string name, string? license, DateTimeOffset now) where T : class
    {
        if (state is null)
            return new AssetState<T> { Id = id, Org = org, Name = name, License = license, CreatedAt = now };
        return Require(state, id) is var found && found.Org == org && found.Name == name
            ? found.Status == AssetStatus.Ready ? found : found with { License = license ?? found.License }
            : throw new GridException(ErrorCodes.AlreadyExists, $"'{id}' already exists under another name.", "name");
    }

    public static AssetState<T> AddFile<T>(AssetState<T>? given, string id, SourceFile file) where T : class
    {
        var state = Require(given, id);
        if (state.Status is AssetStatus.Inspecting or AssetStatus.Ready)
            throw new GridException(ErrorCodes.Conflict,
                $"'{state.Name}' is {(state.Status == AssetStatus.Ready ? "complete" : "being inspected")} and takes no more files; add them under a new name.", "path");
        var at = state.Files.ToList().FindIndex(f => f.Path == file.Path);
        if (at < 0 && state.Files.Count >= MaxFiles)
            throw new GridException(ErrorCodes.TooLarge, $"'{state.Name}' may have at most {MaxFiles} files.", "path");
        SourceFile[] files = at < 0 ? [.. state.Files, file] : [.. state.Files.Select((f, i) => i == at ? file : f)];
        return state with { Files = files, Status = AssetStatus.Draft, Error = null };
    }

    public static AssetState<T> BeginInspection<T>(AssetState<T>? given, string id, string? license) where T : class
    {
        var state = Require(given, id);
        if (state.Status == AssetStatus.Ready)
            return state;
        if (state.Files.Count == 0)
            throw new GridException(ErrorCodes.InvalidRequest, $"'{state.Name}' has no files yet; upload them before the commit.");
        return state with { Status = AssetStatus.Inspecting, Error = null, License = license ?? state.License };
    }

    public static AssetState<T> EndInspection<T>(AssetState<T> state, T? manifest, GridError? error) where T : class =>
        state with { Status = manifest is null ? AssetStatus.Failed : AssetStatus.Ready, Manifest = manifest, Error = error };

    public static AssetState<T>? Use<T>(AssetState<T>? given, string id, string job, bool inUse) where T : class
    {
        // Letting go of something that is gone is no fault.
        if (!inUse && (given is null || given.Deleted))
            return given;
        var state = Require(given, id);
        // Thousands may hold one model: a set that is shared but for what changes.
        var users = state.Users as ImmutableSortedSet<string> ?? ImmutableSortedSet.CreateRange(StringComparer.Ordinal, state.Users);
        return users.Contains(job) == inUse ? state : state with { Users = inUse ? users.Add(job) : users.Remove(job) };
    }

    public static AssetState<T> Delete<T>(AssetState<T>? given, string id, IReadOnlyCollection<string> idleUsers) where T : class
    {
        if (given is null)
            throw NotFound(id);
        if (given.Deleted)
            return given;
        string[] users = [.. given.Users.Where(u => !idleUsers.Contains(u))];
        if (users.Length > 0)
            throw new GridException(ErrorCodes.InUse, $"'{given.Name}' is used by {users.Length} job(s): {string.Join(", ", users.Take(10))}. Cancel them or wait for their end.")
            {
                Findings = [.. users.Take(100).Select(u => new GridFinding(u, "This job uses it."))],
            };
        return given with { Deleted = true, Users = [], Manifest = null, Tokens = new Dictionary<string, string>() };
    }

    public static AssetState<T> Require<T>(AssetState<T>? state, string id) where T : class =>
        state is { Deleted: false } ? state : throw NotFound(id);

    private static GridException NotFound(string id) => new(ErrorCodes.NotFound, $"There is no '{id}'.");
}
