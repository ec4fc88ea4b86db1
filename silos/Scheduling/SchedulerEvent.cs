using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

/// <summary>Something that happened. The type names are part of the journal format and never change.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(NodeRegistered), "node_registered")]
[JsonDerivedType(typeof(NodeLeaseRenewed), "node_lease_renewed")]
[JsonDerivedType(typeof(NodeDrain), "node_drain")]
[JsonDerivedType(typeof(NodeUndrain), "node_undrain")]
[JsonDerivedType(typeof(NodeRemoved), "node_removed")]
[JsonDerivedType(typeof(JobQueued), "job_queued")]
[JsonDerivedType(typeof(JobRecovered), "job_recovered")]
[JsonDerivedType(typeof(JobStarted), "job_started")]
[JsonDerivedType(typeof(JobProgress), "job_progress")]
[JsonDerivedType(typeof(JobReleased), "job_released")]
[JsonDerivedType(typeof(JobCancelled), "job_cancelled")]
[JsonDerivedType(typeof(JobPaused), "job_paused")]
[JsonDerivedType(typeof(JobResumed), "job_resumed")]
[JsonDerivedType(typeof(JobClosed), "job_closed")]
[JsonDerivedType(typeof(PriorityChanged), "priority_changed")]
[JsonDerivedType(typeof(OrgPolicyChanged), "org_policy_changed")]
[JsonDerivedType(typeof(QueuePolicyChanged), "queue_policy_changed")]
[JsonDerivedType(typeof(OptionsChanged), "options_changed")]
[JsonDerivedType(typeof(Tick), "tick")]
public abstract record SchedulerEvent;

/// <summary>An agent came up, or came back. Times are absolute, on the scheduler's clock.</summary>
public sealed record NodeRegistered(string Node, long Incarnation, long LeaseUntil, IReadOnlyList<SlotSpec> Slots) : SchedulerEvent
{
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Sessions that still live there; null where the agent does not know yet. Running ones that are missing are lost.</summary>
    public IReadOnlyList<string>? LiveSessions { get; init; }
}

/// <summary>The lease was extended.</summary>
public sealed record NodeLeaseRenewed(string Node, long Incarnation, long LeaseUntil) : SchedulerEvent
{
    /// <summary>Base digests loaded per slot; null leaves what is known.</summary>
    public IReadOnlyList<IReadOnlyList<string>>? Resident { get; init; }
}

/// <summary>Nothing new starts on the node. With <paramref name="Evict"/> its jobs checkpoint and move.</summary>
public sealed record NodeDrain(string Node, bool Evict = true) : SchedulerEvent;

/// <summary>The node takes jobs again; lifts a quarantine too.</summary>
public sealed record NodeUndrain(string Node) : SchedulerEvent;

/// <summary>Forget a node. Refused (no effect) while a session holds one of its slots.</summary>
public sealed record NodeRemoved(string Node) : SchedulerEvent;

/// <summary>A job asks for slots. Repeating it is harmless.</summary>
public sealed record JobQueued(JobRequest Request) : SchedulerEvent;

/// <summary>A job told the rebuilt scheduler what it knows: its request, progress, failures and, where it runs, its placement.</summary>
public sealed record JobRecovered(JobRequest Request) : SchedulerEvent
{
    public Placement? Placement { get; init; }

    /// <summary>The highest number of a placement that the job has heard of: new ones must go above it.</summary>
    public long LastPlacement { get; init; }

    public bool Paused { get; init; }

    public long WaitingSince { get; init; }

    public long WorkLeftMs { get; init; }

    public long CommittedStep { get; init; }

    public FailureCounters Failures { get; init; } = new();
}

/// <summary>The job runs under this epoch in this placement.</summary>
public sealed record JobStarted(string Job, string Placement, long Epoch) : SchedulerEvent;

/// <summary>A step was committed, or the estimate changed.</summary>
public sealed record JobProgress(string Job, string Placement, long WorkLeftMs, long CommittedStep) : SchedulerEvent
{
    /// <summary>Measured time to write a checkpoint, milliseconds; 0 leaves what is known.</summary>
    public long SaveMs { get; init; }

    /// <summary>Measured time to load base and checkpoint, milliseconds; 0 leaves what is known.</summary>
    public long ReloadMs { get; init; }
}

/// <summary>How a run ended.</summary>
public enum ReleaseReason
{
    Finished,
    Cancelled,
    Paused,
    Preempted,

    /// <summary>A node of the placement was lost.</summary>
    Lost,

    /// <summary>The start was refused: the job did not want it any more or the node could not. Nobody is charged.</summary>
    Refused,
    Failed,
}

public enum FailureKind
{
    None,

    /// <summary>The job itself is wrong; it fails at once.</summary>
    UserError,
    TrainerCrash,

    /// <summary>The set-up around the job is wrong: another node may do better.</summary>
    Configuration,

    /// <summary>Storage or network were away.</summary>
    Transient,
}

/// <summary>A run has ended and its trainers are gone or fenced: the slots are free. Unknown placements are ignored.</summary>
public sealed record JobReleased(string Job, string Placement, ReleaseReason Reason) : SchedulerEvent
{
    public FailureKind Kind { get; init; }

    /// <summary>The error code shown if this failure is final; null takes one from <see cref="Kind"/>.</summary>
    public string? Code { get; init; }

    public string? Message { get; init; }
}

public sealed record JobCancelled(string Job) : SchedulerEvent;

public sealed record JobPaused(string Job) : SchedulerEvent;

public sealed record JobResumed(string Job) : SchedulerEvent;

/// <summary>The job is terminal: forget it. Acknowledges <see cref="FailCommand"/>; slots that it holds are freed.</summary>
public sealed record JobClosed(string Job) : SchedulerEvent;

public sealed record PriorityChanged(string Job, int Priority) : SchedulerEvent;

public sealed record OrgPolicyChanged(OrgPolicy Policy) : SchedulerEvent;

public sealed record QueuePolicyChanged(QueuePolicy Policy) : SchedulerEvent;

public sealed record OptionsChanged(SchedulerOptions Options) : SchedulerEvent;

/// <summary>Time passed: expires leases, ends backoffs and quarantines, repeats unanswered commands.</summary>
public sealed record Tick : SchedulerEvent;
