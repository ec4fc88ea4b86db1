using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// Steps and commits that the control plane had not acknowledged when a checkpoint was made. They are committed with it, so that
/// whoever goes on from the checkpoint can tell of them, whatever happened to the trainer that made them.
/// </summary>
public sealed record Untold(IReadOnlyList<StepMetrics> Steps, IReadOnlyList<RecalledCommit> Commits)
{
    /// <param name="reports">The session's unacknowledged reports, oldest first.</param>
    public static Untold Of(string jobId, IEnumerable<TrainerReport> reports)
    {
        var steps = new SortedDictionary<int, StepMetrics>();
        var commits = new SortedDictionary<int, RecalledCommit>();
        foreach (var report in reports)
        {
            switch (report)
            {
                case JobSteps r when r.JobId == jobId: Take(r.Steps); break;
                case JobRecalled r when r.JobId == jobId: Take(r.Steps); foreach (var commit in r.Commits) commits[commit.Step] = commit; break;
                case JobCommitted r when r.JobId == jobId: commits[r.Step] = new(r.Epoch, r.Step, r.SamplesConsumed, r.ManifestKey, r.AdapterSha256, r.OptimizerSha256); break;
            }
        }
        return new Untold([.. steps.Values], [.. commits.Values]);

        void Take(IEnumerable<StepMetrics> told)
        {
            foreach (var step in told) steps[step.Step] = step;
        }
    }

    /// <summary>What a run that goes on from a checkpoint tells first.</summary>
    public static JobRecalled Recall(TrainingOrder order, RestoredCheckpoint found, TrainerState state)
    {
        var itself = new RecalledCommit((int)found.Manifest.Epoch, state.Step, state.SamplesConsumed, found.Key,
            RunCheckpoints.Part(found, order.Spec.Method.IsFull ? RunParts.Model : RunParts.Adapter).Sha256, RunCheckpoints.Part(found, RunParts.Optimizer).Sha256);
        return new JobRecalled(order.JobId, order.Epoch, state.Untold?.Steps ?? [], [.. state.Untold?.Commits ?? [], itself]);
    }
}
