using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Backups;

/// <summary>What one job needs to go on, or to be looked at: its inputs, checkpoints, events and logs.</summary>
internal sealed class JobCopy(IBlobStore source, BackupCopies copies, JobState job)
{
    private readonly CheckpointStore _checkpoints = new(source, job.Id);

    /// <summary>False where something went away meanwhile, so that the job's state must be read again.</summary>
    public async Task<bool> RunAsync(CancellationToken cancellation) =>
        await InputsAsync(cancellation) && await CheckpointsAsync(cancellation) && await LogAsync(cancellation);

    /// <summary>A job that is over has let go of them.</summary>
    private async Task<bool> InputsAsync(CancellationToken cancellation)
    {
        if (!job.Live || job.Plan is not { } plan)
            return true;
        string[] keys =
        [
            .. new[] { plan.Train, plan.Validation }.OfType<Contracts.Inspection.TokenIndex>().SelectMany(t => t.Shards.Select(s => s.Key).Append(t.Key)),
            .. new[] { plan.Model, plan.TokenizerModel }.OfType<Contracts.Inspection.ModelManifest>().SelectMany(m => m.Files).Select(f => f.Key),
            .. (plan.InitAdapter ?? []).Select(f => f.Key),
        ];
        foreach (var key in keys)
            if (!await copies.AddAsync(key, cancellation))
                return false;
        return true;
    }

    /// <summary>The head, and then what its kept commits need.</summary>
    private async Task<bool> CheckpointsAsync(CancellationToken cancellation)
    {
        if (await _checkpoints.ReadHeadAsync(cancellation) is not { } read)
            return true;
        // Two runs further than the state says: the state is too old for it.
        if (read.Head.Epoch > job.Epoch + 1 || !await copies.AddAsync(_checkpoints.HeadKey, cancellation))
            return false;
        if (await source.StatAsync(_checkpoints.HeadKey, cancellation) is not { } now || now.ETag != read.ETag)
            return false;
        foreach (var reference in read.Head.Recent.Take(job.Submission.Spec.Checkpoint.Keep))
        {
            try
            {
                foreach (var key in await _checkpoints.KeysOfAsync(reference.Manifest, cancellation))
                    if (!await copies.AddAsync(key, cancellation))
                        return await IsDamagedAsync(reference, "a part is missing", read.ETag, cancellation);
            }
            catch (GridException e) when (e.Code == ErrorCodes.CorruptCheckpoint)
            {
                if (!await IsDamagedAsync(reference, e.Message, read.ETag, cancellation))
                    return false;
            }
        }
        return true;
    }

    /// <summary>Damaged in the source where the head still names it; else it was collected after newer commits.</summary>
    private async Task<bool> IsDamagedAsync(CheckpointReference reference, string what, string head, CancellationToken cancellation)
    {
        if ((await _checkpoints.ReadHeadAsync(cancellation))?.ETag != head)
            return false;
        copies.Problem($"The checkpoint of step {reference.Step} of job {job.Id} is damaged: {what}");
        return true;
    }

    /// <summary>Segments up to where the state's own tail begins, and logs of the runs that the state knows: the restored job writes its own after them.</summary>
    private async Task<bool> LogAsync(CancellationToken cancellation)
    {
        await foreach (var blob in source.ListAsync($"jobs/{job.Id}/events/", cancellation))
            if (JobEventStore.LastOf(blob.Key) is { } last && last <= job.Events.Flushed && !await copies.AddAsync(blob.Key, cancellation))
                return false;
        foreach (var logs in (string[])[JobLogKeys.Folder(job.Id, 0), JobLogKeys.OtherWorkers(job.Id)])
            await foreach (var blob in source.ListAsync(logs, cancellation))
                if (int.TryParse(blob.Key[(blob.Key.LastIndexOf('/') + 1)..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var epoch) && epoch <= job.Epoch)
                    await copies.AddAsync(blob.Key, cancellation);
        return true;
    }
}
