using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

/// <summary>The JSON form of events, commands and snapshots: camelCase members, snake_case values.</summary>
public static class SchedulerJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        AllowOutOfOrderMetadataProperties = true,
    };
}

/// <summary>The serialised state. Indexes are not in it; they follow from the entries.</summary>
internal sealed record SchedulerSnapshot
{
    public const int CurrentVersion = 1;

    public int Version { get; init; }

    public required SchedulerOptions Options { get; init; }

    public long Now { get; init; }

    public long NextId { get; init; }

    public IReadOnlyList<NodeEntry> Nodes { get; init; } = [];

    public IReadOnlyList<JobEntry> Jobs { get; init; } = [];

    public IReadOnlyList<Session> Sessions { get; init; } = [];

    public IReadOnlyList<Reservation> Reservations { get; init; } = [];

    public IReadOnlyList<OrgPolicy> OrgPolicies { get; init; } = [];

    public IReadOnlyList<OrgUsage> Usage { get; init; } = [];

    public IReadOnlyList<QueuePolicy> Queues { get; init; } = [];

    public static SchedulerSnapshot Of(SchedulerState s) => new()
    {
        Version = CurrentVersion,
        Options = s.Options,
        Now = s.Now,
        NextId = s.NextId,
        Nodes = [.. s.Nodes.Values],
        Jobs = [.. s.Jobs.Values],
        Sessions = [.. s.Sessions.Values],
        Reservations = [.. s.Reservations.Values],
        OrgPolicies = [.. s.OrgPolicies.Values],
        Usage = [.. s.Usage.Values],
        Queues = [.. s.Queues.Values],
    };

    public SchedulerState ToState()
    {
        if (Version != CurrentVersion)
            throw new JsonException($"The scheduler snapshot has version {Version}; this build reads version {CurrentVersion}.");
        var empty = new SchedulerState();
        return new SchedulerState
        {
            Options = Options,
            Now = Now,
            NextId = NextId,
            Nodes = empty.Nodes.AddRange(Pairs(Nodes, n => n.Id)),
            Jobs = empty.Jobs.AddRange(Pairs(Jobs, j => j.Id)),
            Sessions = empty.Sessions.AddRange(Pairs(Sessions, x => x.Id)),
            Reservations = empty.Reservations.AddRange(Pairs(Reservations, r => r.Job)),
            OrgPolicies = empty.OrgPolicies.AddRange(Pairs(OrgPolicies, o => o.Org)),
            Usage = empty.Usage.AddRange(Pairs(Usage, u => u.Org)),
            Queues = empty.Queues.AddRange(Pairs(Queues, q => q.Queue)),
            Index = SchedulerIndex.Build(Options, Nodes, Jobs, Sessions),
        };
    }

    private static IEnumerable<KeyValuePair<string, T>> Pairs<T>(IEnumerable<T> items, Func<T, string> key) =>
        items.Select(i => KeyValuePair.Create(key(i), i));
}
