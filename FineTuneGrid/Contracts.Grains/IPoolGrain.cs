using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>
/// The pool of slots and the queue: a thin shell around the pure scheduler. Key: <see cref="PoolKeys.Default"/>.
/// It holds the index of live jobs and wakes them by its tick. Its calls never wait for a job or a node.
/// </summary>
[Alias("ftg.IPoolGrain")]
public interface IPoolGrain : IGrainWithStringKey
{
    /// <summary>Makes sure the pool ticks. Called by the silo's start-up task.</summary>
    [Alias("Start")]
    Task Start();

    /// <summary>Enters a job into the index before it is acknowledged to its submitter.</summary>
    [Alias("Track")]
    Task Track(string jobId, string org);

    [Alias("Enqueue")]
    Task Enqueue(QueuedJob job);

    /// <summary>A trainer runs the job under this epoch.</summary>
    [Alias("Started")]
    Task Started(string jobId, string placementId, int epoch);

    /// <summary>The job no longer holds its placement: finished, paused, cancelled, failed, preempted or lost.</summary>
    [Alias("Release")]
    Task Release(PlacementRelease release);

    /// <summary>The job wants to rest after its present run, if any; or no longer.</summary>
    [Alias("SetPaused")]
    Task SetPaused(string jobId, bool paused);

    /// <summary>The job was cancelled; its run, if any, is being stopped.</summary>
    [Alias("Cancel")]
    Task Cancel(string jobId);

    /// <summary>The job has reached its end and holds nothing: forgotten here, except for listings.</summary>
    [Alias("Close")]
    Task Close(string jobId);

    /// <summary>A job that was deleted: no longer listed.</summary>
    [Alias("Forget")]
    Task Forget(string jobId);

    /// <param name="saveSeconds">What a checkpoint costs; 0 where none was measured.</param>
    /// <param name="reloadSeconds">What a start costs until the job steps; 0 where none was measured.</param>
    [Alias("Progress")]
    Task Progress(string jobId, string placementId, double remainingSeconds, int committedStep, double saveSeconds, double reloadSeconds);

    [Alias("NodeChanged")]
    Task NodeChanged(NodeAvailability node);

    [AlwaysInterleave]
    [Alias("Explain")]
    Task<WaitReason?> Explain(string jobId);

    [AlwaysInterleave]
    [Alias("Queues")]
    Task<IReadOnlyList<QueueView>> Queues();

    /// <summary>Ids of all known nodes.</summary>
    [AlwaysInterleave]
    [Alias("Nodes")]
    Task<IReadOnlyList<string>> Nodes();

    /// <summary>The nodes that are alive, with their slots: where a task can run.</summary>
    [AlwaysInterleave]
    [Alias("LiveNodes")]
    Task<IReadOnlyList<NodeAvailability>> LiveNodes();

    /// <summary>All jobs that a caller may list, newest first. <paramref name="org"/> null: of all organisations.</summary>
    [AlwaysInterleave]
    [Alias("Jobs")]
    Task<JobIndexPage> Jobs(string? org, string? after, int limit);

    /// <summary>Of these, the jobs that are not done with.</summary>
    [AlwaysInterleave]
    [Alias("LiveJobs")]
    Task<JobIndexPage> LiveJobs(string? org, string? after, int limit);
}

public static class PoolKeys
{
    public const string Default = "default";
}

/// <param name="MemoryBytes">Memory of the job itself, besides the base model.</param>
/// <param name="SessionKey">Jobs of equal keys may share a session; empty: it shares with none.</param>
/// <param name="Hardware">Hardware that the job is bound to; null where any will do.</param>
/// <param name="MinWorkers">Workers that it makes do with where no more slots are free; 0 for all of them.</param>
public sealed record QueuedJob(
    string JobId, string Org, string Queue, int Priority, bool Preemptible, int Workers, string Device, long MemoryBytes, long BaseBytes,
    string SessionKey, string? BaseDigest, double RemainingSeconds, DateTimeOffset SubmittedAt, string? Hardware = null,
    int MinWorkers = 0);

/// <summary>How a run ended.</summary>
public enum ReleaseKind
{
    Finished,
    Cancelled,
    Paused,
    Preempted,
    NodeLost,
    Refused,
    UserError,
    TrainerCrash,
    Configuration,
    Transient,
}

public sealed record PlacementRelease(string JobId, string PlacementId, ReleaseKind Kind, string? Code = null, string? Message = null);

/// <param name="Generation">Rises with every incarnation of the node's agent.</param>
/// <param name="Registered">True where the agent has just registered, so that sessions it does not name are gone.</param>
/// <param name="PendingSessions">Sessions whose start the machine has not taken yet.</param>
/// <param name="TakenSlots">Indexes of the slots that jobs hold; said by the pool, which alone knows.</param>
/// <param name="Features">Of <see cref="NodeFeatures"/>: what its trainers can do.</param>
public sealed record NodeAvailability(
    string NodeId, long Generation, bool Registered, IReadOnlyList<NodeSlot> Slots, bool Draining, bool Alive, DateTimeOffset LeaseUntil,
    IReadOnlyList<SessionStatus> Sessions, string Build, IReadOnlyList<string>? PendingSessions = null,
    IReadOnlyList<int>? TakenSlots = null, IReadOnlyList<string>? Features = null);

public sealed record QueueView(string Name, int Waiting, int Running);

public sealed record JobIndexPage(IReadOnlyList<string> JobIds, string? Next);
