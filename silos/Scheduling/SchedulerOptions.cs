namespace FineTuneGrid.Scheduling;

/// <summary>Policy figures. Part of the state, since a replay must decide as the first run did. Times in milliseconds.</summary>
public sealed record SchedulerOptions
{
    /// <summary>A node is lost this long after its lease has ended. Its trainers have stopped before that. Default: 5 s.</summary>
    public long LeaseGraceMs { get; init; } = 5_000;

    /// <summary>How long a node named by a recovered job may take to register. Default: 60 s.</summary>
    public long AdoptionGraceMs { get; init; } = 60_000;

    /// <summary>Unanswered commands are repeated at this interval. Default: 10 s.</summary>
    public long ResendMs { get; init; } = 10_000;

    /// <summary>A grant that never leads to a run is taken back after this long. Default: 10 min.</summary>
    public long StartTimeoutMs { get; init; } = 600_000;

    /// <summary>
    /// First wait before a job is tried again; doubled with each failure of the same kind. After a crash of its trainer or the loss
    /// of its node the first new try goes at once, and this is the wait before the second. Default: 2 s.
    /// </summary>
    public long BackoffBaseMs { get; init; } = 2_000;

    public long BackoffMaxMs { get; init; } = 300_000;

    /// <summary>Restarts allowed after the loss of a node. Default: 20.</summary>
    public int NodeLossBudget { get; init; } = 20;

    /// <summary>Restarts allowed after trainer crashes that are the job's own. Default: 5.</summary>
    public int CrashBudget { get; init; } = 5;

    /// <summary>Restarts allowed after errors of the set-up around the job, on other nodes where there are any. Default: 2.</summary>
    public int ConfigurationBudget { get; init; } = 2;

    /// <summary>Restarts allowed after outages of storage or network. Default: 50.</summary>
    public int TransientBudget { get; init; } = 50;

    /// <summary>A run this long with a commit clears the counters. Default: 1 h.</summary>
    public long HealthyRunMs { get; init; } = 3_600_000;

    /// <summary>Shared crashes after which a job no longer shares. Default: 4.</summary>
    public int MaxSharedCrashes { get; init; } = 4;

    /// <summary>Crashes, of at least two jobs, that quarantine a node. Default: 3.</summary>
    public int StrikesToQuarantine { get; init; } = 3;

    public long StrikeWindowMs { get; init; } = 1_800_000;

    /// <summary>First quarantine; doubled each time up to 16 times. Default: 10 min.</summary>
    public long QuarantineMs { get; init; } = 600_000;

    /// <summary>A second of waiting makes up for this many seconds of work left. Default: 4.</summary>
    public int AgingDivisor { get; init; } = 4;

    /// <summary>Taken for the work of a job that has no estimate yet. Default: 10 min.</summary>
    public long DefaultWorkMs { get; init; } = 600_000;

    /// <summary>Past service counts half after this long. Default: 1 h.</summary>
    public long UsageHalfLifeMs { get; init; } = 3_600_000;

    /// <summary>After waiting this long on its reservation a job lets nothing slip in before it. Default: 10 min.</summary>
    public long BackfillPatienceMs { get; init; } = 600_000;

    /// <summary>Whether jobs of different organisations may share a session. Default: no.</summary>
    public bool MixOrganisations { get; init; }
}
