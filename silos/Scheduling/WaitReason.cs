namespace FineTuneGrid.Scheduling;

/// <summary>Codes of <see cref="WaitReason"/>; stable.</summary>
public static class WaitCodes
{
    public const string UnknownJob = "unknown_job";
    public const string Failed = "failed";
    public const string Paused = "paused";
    public const string Starting = "starting";
    public const string Stopping = "stopping";
    public const string BackingOff = "backing_off";
    public const string QueueHeld = "queue_held";
    public const string NoDevice = "no_device";
    public const string NoMemory = "no_memory";
    public const string NoLabels = "no_matching_labels";
    public const string TooFewSlots = "too_few_slots";
    public const string NodesUnavailable = "nodes_unavailable";
    public const string QuotaReached = "quota_reached";
    public const string WaitingForPreempted = "waiting_for_preempted";
    public const string WaitingForSlots = "waiting_for_slots";
    public const string ReservedForOther = "reserved_for_other";
    public const string Behind = "behind_jobs";
    public const string Pending = "pending";
}

/// <summary>One reason why a job waits.</summary>
/// <param name="Code">One of <see cref="WaitCodes"/>.</param>
/// <param name="Text">The reason in one sentence.</param>
/// <param name="Counterfactual">What would let it start now; null where nothing but time would.</param>
public sealed record WaitReason(string Code, string Text, string? Counterfactual = null)
{
    /// <summary>When the reason ends, or is expected to, in milliseconds of the scheduler's clock.</summary>
    public long? Until { get; init; }

    public int? Needed { get; init; }

    public int? Free { get; init; }

    /// <summary>Waiting jobs that go before this one.</summary>
    public int? Ahead { get; init; }

    /// <summary>Jobs or nodes that stand in the way, at most ten.</summary>
    public IReadOnlyList<string> Blockers { get; init; } = [];
}
