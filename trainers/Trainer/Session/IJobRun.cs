using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Gangs;

namespace FineTuneGrid.Trainer.Session;

/// <summary>One attached job, as the session's loop sees it. All calls come from the loop's one thread.</summary>
internal interface IJobRun : IDisposable
{
    TrainingOrder Order { get; }

    /// <summary>The last step that a restart would resume from; null where another worker of the gang knows.</summary>
    int? CommittedStep { get; }

    /// <summary>Tokens stepped since it was attached: what its turns are counted by.</summary>
    long TokensStepped { get; }

    /// <summary>Restores the newest sound checkpoint. Ready where the result is already there.</summary>
    JobState Attach(Action<TrainerReport> report);

    /// <summary>One optimizer step with everything due at its end: evaluation, checkpoint, result.</summary>
    JobState Step(Action<TrainerReport> report);

    /// <summary>
    /// Whether it may leave at once. Else other workers share its steps, and <see cref="Step"/> comes to
    /// <see cref="JobState.Leaving"/> when all have agreed.
    /// </summary>
    bool MayLeave(Departure departure);

    /// <summary>What the workers agreed on, at <see cref="JobState.Leaving"/>.</summary>
    Departure? Agreed { get; }

    /// <summary>Waits until the commit that is under way, if any, is done, and tells of it.</summary>
    void Settle(Action<TrainerReport> report);

    /// <summary>Commits the present step, unless it is committed; waits until it is.</summary>
    void Checkpoint(Action<TrainerReport> report);
}

internal enum JobState
{
    Running,

    /// <summary>The result is committed and reported.</summary>
    Finished,

    /// <summary>The workers of the gang leave it at this step.</summary>
    Leaving,
}
