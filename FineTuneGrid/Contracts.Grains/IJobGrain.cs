using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>One job: its spec, its state, its event log. Key: the job id. Every command is idempotent.</summary>
[Alias("ftg.IJobGrain")]
public interface IJobGrain : IGrainWithStringKey
{
    /// <summary>Accepts the job: when this returns, the job is durable and will end in a terminal state.</summary>
    [Alias("Submit")]
    Task<JobView> Submit(JobSubmission submission);

    /// <summary>Resolves and plans a job without accepting it. Call it on a new id, which stays unused.</summary>
    /// <exception cref="GridException">What submitting it would fail with.</exception>
    [AlwaysInterleave]
    [Alias("DryRun")]
    [ResponseTimeout("00:10:00")]
    Task<ResolvedJob> DryRun(JobSubmission submission);

    [AlwaysInterleave]
    [Alias("Get")]
    Task<JobView?> Get();

    [Alias("Cancel")]
    Task<JobView> Cancel();

    [Alias("Pause")]
    Task<JobView> Pause();

    [Alias("Resume")]
    Task<JobView> Resume();

    /// <summary>
    /// Called by the pool's tick for every live job: goes on with whatever a crash interrupted, and says where the job stands,
    /// so that a pool that lost its own state can build it again. Null for an unknown job.
    /// </summary>
    [Alias("Wake")]
    Task<JobStanding?> Wake();

    /// <summary>The pool granted slots. Raises the epoch, fences the store with it, and says what to do with the slots.</summary>
    [Alias("PrepareStart")]
    Task<StartAnswer> PrepareStart(PlacementGrant grant);

    /// <summary>A trainer's report, through its node. Reports of an older epoch are ignored.</summary>
    [Alias("Report")]
    Task Report(string nodeId, string sessionId, TrainerReport report);

    /// <summary>The placement is over without a word of the trainer: the session or the node is gone.</summary>
    [Alias("PlacementLost")]
    Task PlacementLost(int epoch, string sessionId, GridError reason);

    /// <summary>The pool asks the job to give up a placement. <paramref name="reason"/>: one of <see cref="StopReasons"/>.</summary>
    /// <param name="lostNodes">Nodes of the placement whose lease is over, and with it every trainer there.</param>
    [Alias("Preempt")]
    Task Preempt(string placementId, string reason, string[] lostNodes);

    /// <summary>The pool's verdict: a retry budget is exhausted, the job has failed.</summary>
    [Alias("Fail")]
    Task Fail(GridError error);

    /// <summary>Events after <paramref name="after"/>, oldest first; waits up to <paramref name="waitSeconds"/> (at most 20) for the first one.</summary>
    [AlwaysInterleave]
    [Alias("Events")]
    Task<JobEventPage> Events(long after, int limit, double waitSeconds);

    /// <summary>Metrics of steps above <paramref name="afterStep"/>, each step once.</summary>
    [AlwaysInterleave]
    [Alias("Metrics")]
    Task<IReadOnlyList<StepMetrics>> Metrics(int afterStep, int limit);

    /// <summary>Removes a job that is over, with its checkpoints, events and logs. What it registered stays.</summary>
    /// <exception cref="GridException"><c>conflict</c>: it is not over.</exception>
    [Alias("Delete")]
    [ResponseTimeout("00:05:00")]
    Task Delete();

    [AlwaysInterleave]
    [Alias("Checkpoints")]
    Task<IReadOnlyList<CheckpointView>> Checkpoints();

    /// <summary>What a trainer needs to train again between two kept checkpoints: by default the last two.</summary>
    /// <exception cref="GridException"><c>conflict</c>: fewer than two are kept; <c>invalid_value</c>: a step that is not kept.</exception>
    [AlwaysInterleave]
    [Alias("PlanVerification")]
    Task<VerificationTask> PlanVerification(int? fromStep, int? toStep);
}

/// <param name="Spec">Read by <see cref="JobSpecReader"/>; names resolved by the job itself.</param>
public sealed record JobSubmission(JobSpec Spec, string Org, Principal By, string? IdempotencyKey)
{
    /// <summary>W3C trace context of the request that submitted the job; null where it had none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Null for a job that did not come by OpenAI's API.</summary>
    public OpenAiOrigin? OpenAi { get; init; }
}

/// <param name="PlacementId">Distinguishes grants: the same id twice is the same grant.</param>
/// <param name="NodeId">Node of the job's worker, or of the first one of a gang.</param>
/// <param name="Others">A gang's workers beside the first, in order of rank; null for a job with one worker.</param>
public sealed record PlacementGrant(string PlacementId, string NodeId, int Slot, string SessionId, IReadOnlyList<WorkerSlot>? Others = null);

public sealed record WorkerSlot(string NodeId, int Slot);

/// <summary>A job's answer to a grant.</summary>
/// <param name="Order">What the node's trainer gets; null where none is to be started.</param>
/// <param name="Held">Without an order: the job has held these slots, trainers of it may still be there, and it releases them when
/// they are gone. Otherwise the grant is refused, and the slots are free.</param>
public sealed record StartAnswer(TrainingOrder? Order, bool Held = false);

/// <summary>A trainer that should be on a machine.</summary>
public sealed record PlacedSession(string NodeId, string SessionId);

/// <summary>Trainer sessions of a gang: one per worker, named by the gang's session and the worker's rank.</summary>
public static class GangSessions
{
    /// <summary>The first worker's session is the gang's own.</summary>
    public static string Of(string session, int rank) => rank == 0 ? session : $"{session}.{rank}";

    /// <summary>The gang's session: what the scheduler knows.</summary>
    public static string GangOf(string session) => session.IndexOf('.') is > 0 and var dot ? session[..dot] : session;
}

/// <param name="Last">Number of the newest event that there is.</param>
public sealed record JobEventPage(IReadOnlyList<JobEvent> Events, long NextAfter, bool Closed, long Last = 0);

public sealed record CheckpointView(int Step, int Epoch, long SamplesConsumed, string AdapterSha256, string OptimizerSha256, string ManifestKey, DateTimeOffset Time);

/// <summary>Where a job stands, for the pool.</summary>
/// <param name="Live">False once nothing is left to do: the pool may forget it.</param>
/// <param name="Request">What it asks of the scheduler; null before it is resolved and after its end.</param>
/// <param name="LastGrant">The highest number of a placement that it has heard of: it refuses grants up to it.</param>
/// <param name="Sessions">Its trainers that a machine was told to run and that are not known to be gone.</param>
/// <param name="Ending">Some workers of its gang are gone, and the others are to go.</param>
public sealed record JobStanding(bool Live, QueuedJob? Request, bool Paused, PlacementGrant? Placement, int Epoch, bool Running, double RemainingSeconds, int CommittedStep,
    long LastGrant = 0, IReadOnlyList<PlacedSession>? Sessions = null, bool Ending = false);

/// <summary>Why the pool asks a job to give up its slots.</summary>
public static class StopReasons
{
    public const string Preempted = "preempted";
    public const string Paused = "paused";
    public const string Cancelled = "cancelled";
    public const string Drained = "drained";
    public const string NodeLost = "node_lost";
    public const string Isolated = "isolated";
    public const string StartTimeout = "start_timeout";

    /// <summary>Another worker of its gang is gone. Said by the job itself.</summary>
    public const string GangBroken = "gang_broken";

    /// <summary>The gang's first worker has committed the result. Said by the job itself.</summary>
    public const string Finished = "finished";
}
