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

    [AlwaysInterleave]
    [Alias("Get")]
    Task<JobView?> Get();

    [Alias("Cancel")]
    Task<JobView> Cancel();

    [Alias("Pause")]
    Task<JobView> Pause();

    [Alias("Resume")]
    Task<JobView> Resume();

    /// <summary>Called by the pool's tick for every non-terminal job: goes on with whatever a crash interrupted.</summary>
    [Alias("Wake")]
    Task Wake();

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

    /// <summary>The pool asks the job to make way at the next step boundary.</summary>
    [Alias("Preempt")]
    Task Preempt(int epoch, string reason);

    /// <summary>Events after <paramref name="after"/>, oldest first; waits up to <paramref name="waitSeconds"/> for the first one.</summary>
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
}

/// <param name="Spec">Read by <see cref="JobSpecReader"/>; names resolved by the job itself.</param>
public sealed record JobSubmission(JobSpec Spec, string Org, Principal By, string? IdempotencyKey);

/// <param name="PlacementId">Distinguishes grants: the same id twice is the same grant.</param>
public sealed record PlacementGrant(string PlacementId, string NodeId, int Slot, string SessionId);

public sealed record JobEventPage(IReadOnlyList<JobEvent> Events, long NextAfter, bool Closed);

public sealed record CheckpointView(int Step, int Epoch, long SamplesConsumed, string AdapterSha256, string OptimizerSha256, string ManifestKey, DateTimeOffset Time);
