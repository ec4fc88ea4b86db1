using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>What the control plane asks of a job's checkpoints.</summary>
public interface IJobCheckpoints
{
    /// <summary>
    /// Raises the epoch in the job's head, so that no trainer of an older one commits any more. Idempotent; a head that already
    /// holds a higher epoch stays as it is.
    /// </summary>
    Task FenceAsync(string jobId, int epoch);

    /// <summary>The committed checkpoints that are kept, newest first.</summary>
    /// <param name="keep">How many the job keeps.</param>
    Task<IReadOnlyList<CheckpointReference>> KeptAsync(string jobId, int keep);

    /// <summary>The files of the result that a manifest holds, by their names in the adapter's folder.</summary>
    Task<IReadOnlyList<SourceFile>> ResultFilesAsync(string jobId, string manifestKey);
}
