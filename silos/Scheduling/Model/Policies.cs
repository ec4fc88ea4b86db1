namespace FineTuneGrid.Scheduling;

/// <summary>An organisation's share and limits. Null limits are unlimited.</summary>
public sealed record OrgPolicy
{
    public required string Org { get; init; }

    /// <summary>Relative share; 2 is served twice as much as 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Slots that its jobs may hold at once; a shared session's slot counts once per organisation in it.</summary>
    public int? MaxSlots { get; init; }

    public int? MaxRunningJobs { get; init; }
}

/// <summary>Service that an organisation has had, decaying, in slot-milliseconds.</summary>
public sealed record OrgUsage(string Org, long SlotMs, long AsOf);

/// <summary>A named queue.</summary>
public sealed record QueuePolicy
{
    public required string Queue { get; init; }

    /// <summary>Nothing of a held queue starts.</summary>
    public bool Held { get; init; }
}

/// <summary>Slots kept for a job that could not start yet.</summary>
public sealed record Reservation
{
    public required string Job { get; init; }

    public SlotDevice Device { get; init; }

    public IReadOnlyList<SlotRef> Slots { get; init; } = [];

    public long Since { get; init; }

    /// <summary>When all of its slots are expected to be free.</summary>
    public long ExpectedAt { get; init; }

    /// <summary>Others were preempted for it: nobody else may use its slots in the meantime.</summary>
    public bool Hard { get; init; }
}
