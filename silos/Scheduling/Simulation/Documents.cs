namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>A job's head in the store: the epoch that may commit and the checkpoint that it stands on.</summary>
internal sealed record Head(int Epoch, int Step, long Checkpoint, bool Done)
{
    public static readonly Head None = new(0, 0, 0, false);
}

/// <summary>A commit: the new head and the checkpoint and step that it was trained from.</summary>
internal sealed record HeadWrite(Head Head, long BuiltOn, int FromStep, bool Fence);

internal enum SimPhase
{
    Queued,
    Placed,
    Stopping,
    Publishing,
    Terminal,
}

internal enum SimOutcome
{
    None,
    Succeeded,
    Failed,
    Cancelled,
}

/// <summary>What a job knows durably. Replaced as a whole, never changed.</summary>
internal sealed record JobDoc
{
    public SimPhase Phase { get; init; }

    public int Epoch { get; init; }

    /// <summary>The highest placement number that was accepted or refused.</summary>
    public long LastGrant { get; init; }

    public string Placement { get; init; } = "";

    public string Session { get; init; } = "";

    public IReadOnlyList<SlotRef> Slots { get; init; } = [];

    public bool Fenced { get; init; }

    public bool Confirmed { get; init; }

    /// <summary>Workers that were seen running; a bit each.</summary>
    public int Attached { get; init; }

    /// <summary>Workers that are known to be gone; a bit each.</summary>
    public int Detached { get; init; }

    public ReleaseReason Reason { get; init; }

    public FailureKind Kind { get; init; }

    public bool Done { get; init; }

    public bool WantsPause { get; init; }

    public bool WantsCancel { get; init; }

    /// <summary>The last placement that ended, told to the pool until it grants another.</summary>
    public string Released { get; init; } = "";

    public ReleaseReason ReleasedWhy { get; init; }

    public FailureKind ReleasedKind { get; init; }

    public SimOutcome Outcome { get; init; }

    public string Describe() =>
        $"{Phase} epoch {Epoch} {Placement} {Session} [{string.Join(' ', Slots)}] fenced {Fenced} confirmed {Confirmed} attached {Attached} detached {Detached} {Reason} released {Released}";
}

internal enum JobMessageKind
{
    Submit,
    Tracked,
    Wake,
    Grant,
    Stop,
    Fail,
    Fenced,
    StartConfirmed,
    StartDenied,
    Attached,
    Finished,
    Ended,
    Detached,
    Published,
    Cancel,
    Pause,
    Resume,
}

/// <summary>A message to a job; only the fields of its kind are set.</summary>
internal sealed record JobMessage(JobMessageKind Kind)
{
    public GrantCommand? Grant { get; init; }

    public string Placement { get; init; } = "";

    public StopReason Stop { get; init; }

    public int Epoch { get; init; }

    public int Worker { get; init; }

    public bool Crashed { get; init; }

    public string Describe() => $"{Kind} {Grant?.Placement}{Placement} {(Kind == JobMessageKind.Stop ? Stop : "")} epoch {Epoch} worker {Worker}{(Crashed ? " crashed" : "")}";

    public static long NumberOf(string placement) => long.Parse(placement.AsSpan(1));
}
