using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

/// <summary>A job as a member of a session: what packing, quotas and preemption need to know of it.</summary>
public sealed record SessionMember(string Job, string Org, int Priority, bool Preemptible, long MemoryBytes, bool Stopping);

/// <summary>One resident base model on a gang of slots and the jobs that train on it.</summary>
public sealed record Session
{
    public required string Id { get; init; }

    /// <summary>Jobs whose effective key equals this may join; empty: none may.</summary>
    public string Key { get; init; } = "";

    public SlotDevice Device { get; init; }

    public string BaseDigest { get; init; } = "";

    public long BaseMemoryBytes { get; init; }

    public IReadOnlyList<SlotRef> Slots { get; init; } = [];

    public IReadOnlyList<SessionMember> Members { get; init; } = [];

    /// <summary>How many jobs its slots let it have.</summary>
    public int Capacity { get; init; } = 1;

    /// <summary>Its trainer crashed: nobody joins, and its members restart apart without being charged.</summary>
    public bool Condemned { get; init; }

    /// <summary>A member has run in it, so the base is loaded on its slots.</summary>
    public bool Loaded { get; init; }

    [JsonIgnore]
    public long MemoryBytes => BaseMemoryBytes + Members.Sum(m => m.MemoryBytes);
}
