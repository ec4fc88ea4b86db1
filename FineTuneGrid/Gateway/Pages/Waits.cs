using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Jobs that hold no slot and are not at their end, and why.</summary>
internal static class Waits
{
    public static bool Does(JobView job) => !job.Status.IsTerminal() && !job.Status.IsPlaced() && job.Status != JobStatus.Publishing;

    /// <summary>The scheduler's reason; for what the scheduler does not hold, the job's own state.</summary>
    public static WaitReason? Why(JobView job) => job.Waiting ?? job.Status switch
    {
        JobStatus.Paused => new WaitReason("paused", "It is paused.", job.Progress.CommittedStep > 0 ? $"Resume it to go on from step {job.Progress.CommittedStep}." : "Resume it to have it queued."),
        JobStatus.Validating => new WaitReason("validating", "Its data and model are being checked, and its memory is planned."),
        _ => null,
    };
}
