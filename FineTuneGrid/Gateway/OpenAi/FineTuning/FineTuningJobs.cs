using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.OpenAi.Models;
using Orleans;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>Jobs by OpenAI's ids and in OpenAI's shape, with what lies beside them: the base model's name and the result files.</summary>
public sealed class FineTuningJobs(IGrainFactory grains, JobAccess jobs, ResultFiles results, TimeProvider time)
{
    public IJobGrain Grain(JobView job) => jobs.Grain(job.Id);

    /// <param name="id"><c>ftjob-...</c>, or the job's own.</param>
    /// <exception cref="GridException"><c>not_found</c></exception>
    public async Task<JobView> FindAsync(Principal caller, string id) => await jobs.FindAsync(caller, FineTuningIds.Job(id))
        ?? throw new GridException(ErrorCodes.NotFound, $"There is no fine-tuning job '{id}'.", "fine_tuning_job_id");

    internal async Task<FineTuningJob> ShowAsync(JobView job, CancellationToken ct) =>
        JobViewer.Show(job, await TunedNameAsync(job), await results.OfAsync(job, ct), time.GetUtcNow());

    /// <summary>The base model's name, also where the job names it by its id.</summary>
    public async Task<string> BaseNameAsync(JobView job)
    {
        var given = JobViewer.BaseOf(job.Spec);
        return Ids.IsId(given, Ids.Model) && await grains.GetGrain<IModelGrain>(given).Get() is { } model ? model.Name : given;
    }

    /// <summary>What the result is called in <c>model</c>; null while there is none.</summary>
    private async Task<string?> TunedNameAsync(JobView job)
    {
        if (job.AdapterVersion is not { } version) return null;
        var adapter = AdapterRef.Parse(job.Adapter, "adapter");
        // Training from random weights has no base to be named after.
        return job.Spec.BaseModelInit() is not null ? (adapter with { Version = version }).ToString()
            : FineTunedName.Of(await BaseNameAsync(job), adapter, job.Id).ToString();
    }
}
