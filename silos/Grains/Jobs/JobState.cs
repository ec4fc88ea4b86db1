using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Everything durable about one job. Its JSON member names are a stored format: they may be added to, not changed.</summary>
public sealed record JobState
{
    public required string Id { get; init; }

    public required JobSubmission Submission { get; init; }

    public required JobStatus Status { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The fencing epoch: raised by every placement, and by the end of the job.</summary>
    public int Epoch { get; init; }

    /// <summary>The last epoch that a trainer attached under: the number of attempts is counted here.</summary>
    public int Attempts { get; init; }

    /// <summary>What submit decided; null until then.</summary>
    public JobPlan? Plan { get; init; }

    /// <summary>The slots that the job holds, until its trainer is known to be gone.</summary>
    public JobPlacement? Placement { get; init; }

    /// <summary>The highest number of a placement that the job has heard of: one up to it that the job does not hold is over.</summary>
    public long LastGrant { get; init; }

    public JobProgress Progress { get; init; } = new();

    /// <summary>Newest last, at most <see cref="MaxCheckpoints"/>.</summary>
    public IReadOnlyList<CheckpointView> Checkpoints { get; init; } = [];

    public JobResult? Result { get; init; }

    public string? ResultManifest { get; init; }

    public string? AdapterVersion { get; init; }

    public GridError? Error { get; init; }

    /// <summary>What remains to be done outside of this state, oldest first. Retried until it is done.</summary>
    public IReadOnlyList<JobEffect> Outbox { get; init; } = [];

    /// <summary>What the job's end owes to others is in the outbox, or done.</summary>
    public bool Settled { get; init; }

    /// <summary>Source of operation ids.</summary>
    public long NextOperation { get; init; } = 1;

    public EventLog Events { get; init; } = new();

    /// <summary>Measured seconds of a step, smoothed; null until the first step of an attempt.</summary>
    public double? StepSeconds { get; init; }

    /// <summary>Measured seconds of the last checkpoint's commit.</summary>
    public double SaveSeconds { get; init; }

    /// <summary>Measured seconds from the last grant to stepping: process, base model, checkpoint.</summary>
    public double ReloadSeconds { get; init; }

    /// <summary>A tombstone: the id is never used again.</summary>
    public bool Deleted { get; init; }

    public const int MaxCheckpoints = 64;

    /// <summary>Whether anything is left to do, for the job or after it.</summary>
    public bool Live => !Status.IsTerminal() || Outbox.Count > 0 || Placement is not null;
}

/// <summary>What submit resolved: the identity of the job and what its orders are made of.</summary>
public sealed record JobPlan(
    ResolvedJob Resolved,
    ModelManifest? Model,
    ModelManifest? TokenizerModel,
    TokenIndex Train,
    TokenIndex? Validation,
    IReadOnlyList<SourceFile>? InitAdapter,
    AssetNames Names);

/// <summary>Names, licences and digests as they were at submit, for the lineage of the result.</summary>
public sealed record AssetNames(
    string? BaseModel, string? BaseLicense, string Dataset, string DatasetDigest, string? DatasetLicense, string? ParentAdapter);

/// <summary>The event log's head. Older entries are immutable segments in the blob store.</summary>
public sealed record EventLog
{
    /// <summary>The newest number; 0 where there is no event.</summary>
    public long Last { get; init; }

    /// <summary>Entries up to this number are in segments.</summary>
    public long Flushed { get; init; }

    /// <summary>The entries after <see cref="Flushed"/>.</summary>
    public IReadOnlyList<JobEvent> Tail { get; init; } = [];

    /// <summary>Attempts that went back: their first step after a resume makes later steps of older attempts void.</summary>
    public IReadOnlyList<AttemptStart> Attempts { get; init; } = [];
}

/// <param name="FromStep">The last step that the attempt did not run itself.</param>
public sealed record AttemptStart(int Attempt, int FromStep);
