namespace FineTuneGrid.Scheduling;

public enum PlacementState
{
    /// <summary>Granted; the job has not yet acknowledged that it runs.</summary>
    Starting,
    Running,

    /// <summary>Told to stop; the slots stay taken until the job is released.</summary>
    Stopping,
}

/// <summary>Why a placement is told to stop.</summary>
public enum StopReason
{
    None,
    Preempted,
    Paused,
    Cancelled,
    Drained,

    /// <summary>The lease of one of its nodes ran out. The job fences its epoch, stops what still lives, and reports.</summary>
    NodeLost,

    /// <summary>Another member of its session crashed the trainer; it restarts apart from the others.</summary>
    Isolated,
    StartTimeout,
}

/// <summary>The slots that one job holds for one run.</summary>
public sealed record Placement
{
    /// <summary>Unique for ever in this pool; every report about the run carries it.</summary>
    public required string Id { get; init; }

    public required string Session { get; init; }

    public IReadOnlyList<SlotRef> Slots { get; init; } = [];

    public PlacementState State { get; init; }

    public StopReason Stop { get; init; }

    /// <summary>The epoch under which the job runs there, as reported by the job; 0 until then.</summary>
    public long Epoch { get; init; }

    public long GrantedAt { get; init; }

    public long StartedAt { get; init; }
}
