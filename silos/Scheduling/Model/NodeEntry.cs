using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

/// <summary>A slot as the scheduler knows it.</summary>
public sealed record SlotEntry(SlotSpec Spec)
{
    /// <summary>The session that holds the slot; null where it is free.</summary>
    public string? Session { get; init; }

    /// <summary>Digests of the base models that a session started here would find loaded.</summary>
    public IReadOnlyList<string> Resident { get; init; } = [];
}

/// <summary>A trainer crash that counts against a node.</summary>
public sealed record NodeStrike(string Job, long At);

/// <summary>A machine with slots, alive as long as it renews its lease.</summary>
public sealed record NodeEntry
{
    public required string Id { get; init; }

    /// <summary>Which life of the node's agent this is; an older one can neither renew nor register.</summary>
    public long Incarnation { get; init; }

    public IReadOnlyList<SlotEntry> Slots { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>When its lease ends, in milliseconds of the scheduler's clock.</summary>
    public long LeaseUntil { get; init; }

    /// <summary>The lease ran out. The node keeps its sessions until their jobs are released.</summary>
    public bool Lost { get; init; }

    public bool Draining { get; init; }

    /// <summary>No placements before this time; 0 where the node is in good standing.</summary>
    public long QuarantinedUntil { get; init; }

    public int Quarantines { get; init; }

    public IReadOnlyList<NodeStrike> Strikes { get; init; } = [];

    /// <summary>Whether new sessions may start here.</summary>
    [JsonIgnore]
    public bool Schedulable => !Lost && !Draining && QuarantinedUntil == 0;

    internal bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var (key, value) in labels)
            if (!Labels.TryGetValue(key, out var have) || have != value)
                return false;
        return true;
    }
}
