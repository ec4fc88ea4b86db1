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

    /// <summary>
    /// The pool granted slots. Raises the epoch, fences the store with it, and returns the order that the node's trainer gets;
    /// null where the job no longer wants to run.
    /// </summary>
    [Alias("PrepareStart")]
    Task<TrainingOrder?> PrepareStart(PlacementGrant grant);

    /// <summary>A trainer's report, through its node. Reports of an older epoch are ignored.</summary>
    [Alias("Report")]
    Task Report(string nodeId, string sessionId, TrainerReport report);

    /// <summary>The placement is over without a word of the trainer: the session or the node is gone.</summary>
    [Alias("PlacementLost")]
    Task PlacementLost(int epoch, string sessionId, GridError reason);

    /// <summary>The pool asks the job to give up a placement. <paramref name="reason"/>: one of <see cref="StopReasons"/>.</summary>
    [Alias("Preempt")]
    Task Preempt(string placementId, string reason);

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
public sealed record JobSubmission(JobSpec Spec, string Org, Principal By, string? IdempotencyKey);

/// <param name="PlacementId">Distinguishes grants: the same id twice is the same grant.</param>
public sealed record PlacementGrant(string PlacementId, string NodeId, int Slot, string SessionId);

public sealed record JobEventPage(IReadOnlyList<JobEvent> Events, long NextAfter, bool Closed);

public sealed record CheckpointView(int Step, int Epoch, long SamplesConsumed, string AdapterSha256, string OptimizerSha256, string ManifestKey, DateTimeOffset Time);

/// <summary>Where a job stands, for the pool.</summary>
/// <param name="Live">False once nothing is left to do: the pool may forget it.</param>
/// <param name="Request">What it asks of the scheduler; null before it is resolved and after its end.</param>
/// <param name="LastGrant">The highest number of a placement that it has heard of: it refuses grants up to it.</param>
public sealed record JobStanding(bool Live, QueuedJob? Request, bool Paused, PlacementGrant? Placement, int Epoch, bool Running, double RemainingSeconds, int CommittedStep,
    long LastGrant = 0);

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
}
