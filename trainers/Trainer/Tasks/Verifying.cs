using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Training;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>
/// Goes on from one checkpoint to a later one as the job did and compares each part by its bytes; of the trainer's state, which
/// holds a time, everything else. Commits nothing and takes no epoch, so the job may train on meanwhile.
/// </summary>
internal static class Verifying
{
    /// <param name="guard">Throws where nobody waits for the answer any more.</param>
    /// <exception cref="GridException"><c>corrupt_checkpoint</c>, or <c>conflict</c> where a checkpoint was collected before it was read.</exception>
    public static ResumeVerification Run(IBlobStore store, ModelStore models, VerificationTask task, Action guard, TimeProvider time)
    {
        var started = time.GetTimestamp();
        var checkpoints = new RunCheckpoints(store, task.Order, time);
        // Of the end only the digests and the state are needed, of the beginning all: it is read last, right after it was verified.
        var to = checkpoints.Open(task.ToManifest);
        var expected = checkpoints.LoadState(to);
        using var training = new OrderTraining(task.Order, models, store, guard, time);
        training.Open();
        var from = checkpoints.Open(task.FromManifest);
        training.Restore(checkpoints, from);
        if (from.Manifest.Step >= to.Manifest.Step)
            throw new GridException(ErrorCodes.InvalidRequest, $"There is nothing to train from step {from.Manifest.Step} to step {to.Manifest.Step}.", "from_step");
        while (training.State.Step < to.Manifest.Step) training.Step();

        var actual = training.Parts(to.Manifest.Finished).ToDictionary(p => p.Name, RunCheckpoints.Digest);
        if (IsSame(expected, training.State)) actual[TrainerState.PartName] = RunCheckpoints.Part(to, TrainerState.PartName).Sha256;
        var committed = to.Manifest.Parts.ToDictionary(p => p.Name, p => p.Sha256);
        string[] differs = [.. committed.Keys.Union(actual.Keys).Where(name => committed.GetValueOrDefault(name) != actual.GetValueOrDefault(name)).Order(StringComparer.Ordinal)];
        DigestPair Pair(string name) => new(RunCheckpoints.Part(to, name).Sha256, actual[name]);
        return new ResumeVerification(
            task.Order.JobId, (int)from.Manifest.Step, (int)to.Manifest.Step, Pair(RunParts.WeightsName(training.Trainee)), Pair(RunParts.Optimizer),
            differs.Length == 0, differs, time.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Cursor, tokens and losses; how long the steps took, and who has heard of them, is no part of the training.</summary>
    private static bool IsSame(TrainerState a, TrainerState b) =>
        GridJson.ToText(a with { TrainSeconds = 0, Untold = null }) == GridJson.ToText(b with { TrainSeconds = 0, Untold = null });
}
