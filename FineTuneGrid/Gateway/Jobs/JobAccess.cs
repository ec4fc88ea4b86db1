using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.Jobs;

/// <summary>What a submission would become.</summary>
public sealed record JobPlan(JobSpec Spec, ResolvedJob Resolved);

/// <summary>Jobs as a caller may see them: another organisation's job does not exist.</summary>
public sealed class JobAccess(IGrainFactory grains, TimeProvider time)
{
    public IJobGrain Grain(string id) => grains.GetGrain<IJobGrain>(id);

    public string NewId() => Ids.New(Ids.Job, time.GetUtcNow());

    public async Task<JobView> ViewAsync(Principal caller, string id) =>
        await FindAsync(caller, id) ?? throw new GridException(ErrorCodes.NotFound, $"There is no job '{id}'.");

    public async Task<JobView?> FindAsync(Principal caller, string id) =>
        Ids.IsId(id, Ids.Job) && await Grain(id).Get() is { } job && (caller.IsAdmin || job.Org == caller.Org) ? job : null;

    /// <summary>What a submission would become, without keeping it.</summary>
    public async Task<JobPlan> PlanAsync(JobSubmission submission) => new(submission.Spec, await Grain(NewId()).DryRun(submission));
}
