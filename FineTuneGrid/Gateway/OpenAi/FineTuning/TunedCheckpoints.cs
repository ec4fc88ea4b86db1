using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.OpenAi.Models;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>The checkpoints of a job that are kept: each is an adapter, and can be asked once the job has succeeded.</summary>
public sealed class TunedCheckpoints(IBlobStore store, JobAccess jobs, NameResolver names, TimeProvider time)
{
    private const string Weights = "adapter_model.safetensors";
    private const string Config = "adapter_config.json";

    /// <summary>Those of steps below <paramref name="before"/>, the newest first, one more than <paramref name="limit"/> where there are more.</summary>
    internal async Task<IReadOnlyList<FineTuningCheckpoint>> ListAsync(JobView job, string baseModel, long before, int limit)
    {
        var kept = await KeptAsync(job);
        var told = (await jobs.Grain(job.Id).Checkpoints()).GroupBy(c => c.Step).ToDictionary(g => g.Key, g => g.Last());
        var shown = kept.Select(c => (int)c.Step).Where(s => s < before).Distinct().OrderDescending().Take(limit + 1);
        return await Task.WhenAll(shown.Select(step => ShowAsync(job, baseModel, step, told.GetValueOrDefault(step))));
    }

    /// <summary>The job of a checkpoint, and the adapter that it holds, every byte of it verified. The result's description is every checkpoint's.</summary>
    /// <exception cref="GridException"><c>not_found</c>: the caller sees no such job, or the checkpoint is not kept; <c>conflict</c>: there is no result yet.</exception>
    public async Task<(JobView Job, IReadOnlyList<SourceFile> Files)> OpenAsync(Principal caller, FineTunedName name)
    {
        if (name.Step is not { } step || await jobs.FindAsync(caller, name.JobId) is not { } job || job.Adapter != name.Adapter.ToString()) throw FineTunedModels.Missing(name.ToString());
        var reference = (await KeptAsync(job)).FirstOrDefault(c => c.Step == step)
            ?? throw new GridException(ErrorCodes.NotFound, $"The job keeps no checkpoint of step {step}; kept are those that /v1/fine_tuning/jobs/{FineTuningIds.OfJob(job.Id)}/checkpoints lists.", "model");
        var checkpoints = new CheckpointStore(store, job.Id, time);
        var opened = await checkpoints.OpenAsync(reference.Manifest);
        var weights = opened.Manifest.Find(Weights) ?? throw FineTunedModels.Missing(name.ToString());
        return (job, [await ConfigAsync(caller, job), new SourceFile(weights.Name, checkpoints.PartKey(weights), weights.Length, weights.Sha256)]);
    }

    private async Task<SourceFile> ConfigAsync(Principal caller, JobView job)
    {
        if (job.AdapterVersion is not { } version)
            throw new GridException(ErrorCodes.Conflict, $"The checkpoints of {FineTuningIds.OfJob(job.Id)} can be asked when the job has succeeded; it is {JobViewer.StatusOf(job.Status)}.", "model");
        var reference = AdapterRef.Parse(job.Adapter, "adapter");
        var adapter = await names.AdapterAsync(caller, reference.Org, reference.Name);
        return NameResolver.Version(adapter, version).Files.First(f => f.Path == Config);
    }

    private async Task<IReadOnlyList<CheckpointReference>> KeptAsync(JobView job) => job.Spec.Method.IsFull
        ? []
        : [.. (await new CheckpointStore(store, job.Id, time).ReadHeadAsync())?.Head.Recent.Take(job.Spec.Checkpoint.Keep) ?? []];

    private async Task<FineTuningCheckpoint> ShowAsync(JobView job, string baseModel, int step, CheckpointView? told)
    {
        var measured = (await jobs.Grain(job.Id).Metrics(step - 1, 1)).FirstOrDefault(m => m.Step == step);
        return new FineTuningCheckpoint(
            FineTuningIds.OfCheckpoint(job.Id, step), "fine_tuning.job.checkpoint", (told?.Time ?? job.FinishedAt ?? job.CreatedAt).ToUnixTimeSeconds(),
            FineTunedName.Of(baseModel, AdapterRef.Parse(job.Adapter, "adapter"), job.Id, step).ToString(), FineTuningIds.OfJob(job.Id),
            new CheckpointMetrics(step, measured?.TrainLoss, measured?.ValidLoss, measured?.ValidLoss), step);
    }
}
