namespace FineTuneGrid.Contracts.Jobs;

/// <summary>The states of a job. Every accepted job ends in one of the last three.</summary>
public enum JobStatus
{
    Validating,
    Queued,
    Starting,
    Running,
    Pausing,
    Paused,
    Preempting,
    Publishing,
    Succeeded,
    Failed,
    Cancelled,
}

public static class JobStatusRules
{
    public static bool IsTerminal(this JobStatus status) => status is JobStatus.Succeeded or JobStatus.Failed or JobStatus.Cancelled;

    /// <summary>Whether a trainer may hold the job.</summary>
    public static bool IsPlaced(this JobStatus status) =>
        status is JobStatus.Starting or JobStatus.Running or JobStatus.Pausing or JobStatus.Preempting;
}
