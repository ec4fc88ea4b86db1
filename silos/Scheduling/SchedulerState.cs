using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace FineTuneGrid.Scheduling;

/// <summary>
/// Everything the scheduler knows: immutable, ordered, equal after equal events. An edit makes a new state and shares
/// what did not change, so a caller that cannot make an event durable just keeps the old one.
/// </summary>
public sealed record SchedulerState
{
    private static readonly StringComparer Ordinal = StringComparer.Ordinal;

    public SchedulerOptions Options { get; init; } = new();

    /// <summary>The latest time seen, milliseconds; it never goes back.</summary>
    public long Now { get; init; }

    /// <summary>Source of placement, session, submission and isolation numbers.</summary>
    public long NextId { get; init; } = 1;

    public ImmutableSortedDictionary<string, NodeEntry> Nodes { get; init; } = Map<NodeEntry>();

    public ImmutableSortedDictionary<string, JobEntry> Jobs { get; init; } = Map<JobEntry>();

    public ImmutableSortedDictionary<string, Session> Sessions { get; init; } = Map<Session>();

    public ImmutableSortedDictionary<string, Reservation> Reservations { get; init; } = Map<Reservation>();

    public ImmutableSortedDictionary<string, OrgPolicy> OrgPolicies { get; init; } = Map<OrgPolicy>();

    public ImmutableSortedDictionary<string, OrgUsage> Usage { get; init; } = Map<OrgUsage>();

    public ImmutableSortedDictionary<string, QueuePolicy> Queues { get; init; } = Map<QueuePolicy>();

    internal SchedulerIndex Index { get; init; } = SchedulerIndex.Empty;

    /// <param name="firstId">
    /// The first number used in ids. A pool that is rebuilt after its journal was lost passes one above any that it may have used
    /// before, such as the time in milliseconds: grants of its former life may still be under way.
    /// </param>
    public static SchedulerState Create(SchedulerOptions? options = null, long firstId = 1) => new() { Options = options ?? new(), NextId = Math.Max(1, firstId) };

    /// <summary>When a <see cref="Tick"/> next has something to do; null where only events can change anything.</summary>
    public long? NextDueAt
    {
        get
        {
            var due = long.MaxValue;
            if (!Index.Leases.IsEmpty)
                due = Index.Leases.Min.At + Options.LeaseGraceMs;
            foreach (var set in (ReadOnlySpan<ImmutableSortedSet<DueKey>>)[Index.Backoffs, Index.Quarantines, Index.Resends])
                if (!set.IsEmpty)
                    due = Math.Min(due, set.Min.At);
            return due == long.MaxValue ? null : due;
        }
    }

    /// <summary>Whether nothing but the time differs: such a step need not be written to the journal.</summary>
    public bool SameAs(SchedulerState other) => this with { Now = other.Now } == other;

    /// <summary>A snapshot as UTF-8 JSON: the same bytes for the same state.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(SchedulerSnapshot.Of(this), SchedulerJson.Options);

    /// <exception cref="JsonException">The bytes are not a snapshot, or one of an unknown version.</exception>
    public static SchedulerState FromJson(ReadOnlySpan<byte> json) =>
        (JsonSerializer.Deserialize<SchedulerSnapshot>(json, SchedulerJson.Options)
            ?? throw new JsonException("The scheduler snapshot is null.")).ToState();

    /// <summary>SHA-256 of the snapshot, lower-case hex.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(ToJson()));

    /// <summary>Slots held and jobs running per organisation.</summary>
    public OrgHoldings HoldingsOf(string org) => Index.Holdings.GetValueOrDefault(org, new OrgHoldings(0, 0, 0));

    private static ImmutableSortedDictionary<string, T> Map<T>() => ImmutableSortedDictionary.Create<string, T>(Ordinal);
}

/// <summary>What an organisation holds now.</summary>
public readonly record struct OrgHoldings(int Jobs, int CpuSlots, int CudaSlots)
{
    public int Slots => CpuSlots + CudaSlots;
}
