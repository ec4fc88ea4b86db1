using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// A run's commits: the state is copied between two steps, and uploaded and committed beside the following ones. At most one is under
/// way. A step counts as committed when the thread that steps has taken the commit, so nothing is told before it is durable.
/// </summary>
/// <param name="guard">Throws where the lease is over.</param>
/// <param name="isBeside">False: each commit holds up the steps, as it does where the state is too large to be copied.</param>
internal sealed class RunCommits(
    OrderTraining training, RunCheckpoints checkpoints, RunTelemetry telemetry, Action guard, TimeProvider time, bool isBeside) : IDisposable
{
    private readonly BackgroundLane<RunCommit> _lane = new("commits");
    private readonly CancellationTokenSource _over = new();

    /// <summary>The last step that is known to be committed.</summary>
    public int? CommittedStep { get; set; }

    public bool IsUnderWay => _lane.IsBusy;

    /// <summary>Begins to commit the present state. The commit before it must have been taken.</summary>
    /// <param name="others">Parts that other workers write.</param>
    public void Begin(bool finished, Untold untold, IReadOnlyList<CheckpointPart> others)
    {
        var (started, state) = (time.GetTimestamp(), training.State);
        var beside = isBeside && training.IsCopied;
        IReadOnlyList<CheckpointPart> parts = [.. beside ? training.CopiedParts(finished, untold) : training.Parts(finished, untold), .. others];
        RunCommit Commit()
        {
            using var span = telemetry.Commit(state.Step);
            var committed = checkpoints.Commit(state, parts, finished, guard, _over.Token);
            var seconds = time.GetElapsedTime(started).TotalSeconds;
            telemetry.Committed(seconds);
            return new RunCommit(state, committed, finished, seconds);
        }
        if (beside) _lane.Begin(Commit);
        else _lane.Put(Commit());
    }

    /// <summary>A commit that is over and was not taken yet; null where there is none.</summary>
    /// <exception cref="Exception">It failed.</exception>
    public RunCommit? Poll() => Taken(_lane.Poll());

    /// <summary>The same when it is over, where one is under way.</summary>
    /// <exception cref="Exception">It failed.</exception>
    public RunCommit? Wait() => Taken(_lane.Wait(guard));

    /// <summary>What is under way is not waited for: it may be committed or not, as when the process ends here.</summary>
    public void Dispose()
    {
        _over.Cancel();
        _lane.Dispose();
    }

    private RunCommit? Taken(RunCommit? commit)
    {
        if (commit is not null) CommittedStep = commit.State.Step;
        return commit;
    }
}

/// <param name="State">As it was committed.</param>
/// <param name="Seconds">From the copy to the commit.</param>
internal sealed record RunCommit(TrainerState State, RunCheckpoints.Committed Result, bool Finished, double Seconds);
