using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.Telemetry;

/// <summary>What a census keeps of a job.</summary>
internal sealed record JobFigures(JobStatus Status, int Attempts, long Tokens, int StepsAtRisk, DateTimeOffset? WaitsSince)
{
    /// <summary>A job that resumes counts the tokens of repeated steps once: its count goes back and must not take the sum with it.</summary>
    public static JobFigures Of(JobView job, JobFigures? before) => new(
        job.Status, job.Attempt, Math.Max(job.Progress.Tokens, before?.Tokens ?? 0), job.Status.IsTerminal() ? 0 : job.Progress.Step - job.Progress.CommittedStep,
        job is { Status: JobStatus.Queued, StartedAt: null } ? job.CreatedAt : null);
}

/// <summary>Sums over all jobs.</summary>
/// <param name="TrainerStarts">How often a trainer was started; beyond one a job they are restarts.</param>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="StepsAtRisk">The most steps of one job that no checkpoint holds yet.</param>
/// <param name="WaitsSince">Since when the job waits that has waited longest for its first slot; null where none does.</param>
public sealed record GridCensus(IReadOnlyDictionary<JobStatus, int> Jobs, long TrainerStarts, long Tokens, int StepsAtRisk, DateTimeOffset? WaitsSince)
{
    internal static GridCensus Of(IReadOnlyCollection<JobFigures> jobs) => new(
        jobs.CountBy(j => j.Status).ToDictionary(), jobs.Sum(j => (long)j.Attempts), jobs.Sum(j => j.Tokens), jobs.Select(j => j.StepsAtRisk).DefaultIfEmpty().Max(),
        jobs.Select(j => j.WaitsSince).Min());
}
