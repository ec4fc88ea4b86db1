namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>
/// The rules that keep a job's history single whatever fails. The simulator can leave each one out, and a test shows for each
/// that the simulator then finds a broken invariant.
/// </summary>
[Flags]
public enum Guards
{
    None = 0,

    /// <summary>A trainer that finds another epoch in the head stops instead of writing over it.</summary>
    EpochCheckAtCommit = 1 << 0,

    /// <summary>A commit replaces the head only if it is still the one that the trainer built on.</summary>
    HeadIfMatch = 1 << 1,

    /// <summary>The job writes its new epoch into the head before it starts a trainer.</summary>
    FenceBeforeStart = 1 << 2,

    /// <summary>A job's state is replaced only if it is still the one that the activation read.</summary>
    StateETag = 1 << 3,

    /// <summary>A trainer stops itself before its node's lease ends.</summary>
    LeaseSelfFence = 1 << 4,

    /// <summary>An agent whose lease has lapsed kills its trainers before it takes a new one.</summary>
    KillBeforeRejoin = 1 << 5,

    /// <summary>A start command that comes twice starts one trainer.</summary>
    CommandDedup = 1 << 6,

    /// <summary>A start command that comes after the stop of the same epoch starts nothing.</summary>
    RememberStops = 1 << 7,

    /// <summary>A grant that comes after it was refused, or after its run has ended, starts nothing.</summary>
    RememberGrants = 1 << 8,

    /// <summary>Slots are taken in the same decision that places the job.</summary>
    SlotReservation = 1 << 9,

    /// <summary>Publishing twice gives one version.</summary>
    IdempotentPublish = 1 << 10,

    /// <summary>A trainer starts from the head and not from what its order says.</summary>
    RestartReadsHead = 1 << 11,

    /// <summary>The pool carries out commands only after the events that led to them are durable.</summary>
    JournalBeforeCommands = 1 << 12,

    /// <summary>A journal segment is written once; of two activations one loses.</summary>
    JournalExclusive = 1 << 13,

    /// <summary>A recovering pool replays the segments after its snapshot.</summary>
    JournalReplay = 1 << 14,

    /// <summary>The pool knows of a job before its submitter is told that it is accepted.</summary>
    TrackBeforeAccept = 1 << 15,

    /// <summary>The job starts trainers only after the pool has confirmed the placement.</summary>
    ConfirmPlacement = 1 << 16,

    /// <summary>A run is released only after its trainers are gone or fenced.</summary>
    ReleaseAfterDetach = 1 << 17,

    /// <summary>What was not answered is done again.</summary>
    Retry = 1 << 18,

    /// <summary>A command that was sent to an earlier life of an agent is dropped. Each registration begins a life.</summary>
    OrderIncarnation = 1 << 19,

    All = (1 << 20) - 1,
}
