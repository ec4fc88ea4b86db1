using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

public enum JobPhase
{
    Waiting,
    Placed,
    Paused,

    /// <summary>A retry budget is exhausted; kept, and the verdict repeated, until the job says that it is closed.</summary>
    Failed,
}

/// <summary>What the owner wants of a job once its present run has ended.</summary>
public enum JobIntent
{
    Run,
    Pause,
    Cancel,
}

/// <summary>Failures so far, one budget each.</summary>
public sealed record FailureCounters
{
    public int Preemptions { get; init; }

    public int NodeLosses { get; init; }

    /// <summary>Trainer crashes that are this job's own.</summary>
    public int Crashes { get; init; }

    /// <summary>Crashes of sessions that it shared; never charged, but they lead to a session of its own.</summary>
    public int SharedCrashes { get; init; }

    public int ConfigurationErrors { get; init; }

    public int TransientErrors { get; init; }

    public int UserErrors { get; init; }
}

/// <summary>A job as the scheduler knows it. Jobs that have ended are forgotten.</summary>
public sealed record JobEntry
{
    public required JobRequest Request { get; init; }

    /// <summary>Order of submission, unique in the pool.</summary>
    public long Sequence { get; init; }

    public JobPhase Phase { get; init; }

    public JobIntent Intent { get; init; }

    /// <summary>When it was first queued; a restart does not lose its place.</summary>
    public long WaitingSince { get; init; }

    /// <summary>Backs off until then; 0 where it does not.</summary>
    public long NotBefore { get; init; }

    public Placement? Placement { get; init; }

    /// <summary>When an unanswered command is repeated; 0 where none is open.</summary>
    public long ResendAt { get; init; }

    public long WorkLeftMs { get; init; }

    public long CommittedStep { get; init; }

    public long CommittedAt { get; init; }

    /// <summary>Measured time to write a checkpoint, milliseconds.</summary>
    public long SaveMs { get; init; }

    /// <summary>Measured time to load base and checkpoint, milliseconds.</summary>
    public long ReloadMs { get; init; }

    public FailureCounters Failures { get; init; } = new();

    /// <summary>While looking for a culprit: only members of the same group share a session. Empty: no suspicion.</summary>
    public string Isolation { get; init; } = "";

    /// <summary>A commit beyond this step clears the suspicion.</summary>
    public long IsolationStep { get; init; }

    /// <summary>Too many shared sessions crashed under it: it has its sessions to itself.</summary>
    public bool Solo { get; init; }

    /// <summary>Nodes where it crashed last; avoided where another will do.</summary>
    public IReadOnlyList<string> Avoid { get; init; } = [];

    public string FailCode { get; init; } = "";

    public string LastFailure { get; init; } = "";

    [JsonIgnore]
    public string Id => Request.Id;

    [JsonIgnore]
    public bool Ready => Phase == JobPhase.Waiting && NotBefore == 0;
}
