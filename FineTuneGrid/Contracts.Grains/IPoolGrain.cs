using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>
/// The pool of slots and the queue: a thin shell around the pure scheduler. Key: <see cref="PoolKeys.Default"/>.
/// It holds the index of non-terminal jobs and wakes them by its tick.
/// </summary>
[Alias("ftg.IPoolGrain")]
public interface IPoolGrain : IGrainWithStringKey
{
    /// <summary>Makes sure the pool ticks. Called by the silo's start-up task.</summary>
    [Alias("Start")]
    Task Start();

    /// <summary>Enters a job into the index before it is acknowledged to its submitter.</summary>
    [Alias("Track")]
    Task Track(string jobId);

    [Alias("Enqueue")]
    Task Enqueue(QueuedJob job);

    /// <summary>The job no longer holds or wants slots: finished, paused, cancelled, failed, preempted or lost.</summary>
    [Alias("Release")]
    Task Release(string jobId, string? placementId, string reason, bool terminal);

    [Alias("Progress")]
    Task Progress(string jobId, double remainingSeconds, int committedStep);

    [Alias("NodeChanged")]
    Task NodeChanged(NodeAvailability node);

    [AlwaysInterleave]
    [Alias("Explain")]
    Task<WaitReason?> Explain(string jobId);

    [AlwaysInterleave]
    [Alias("Queues")]
    Task<IReadOnlyList<QueueView>> Queues();

    [AlwaysInterleave]
    [Alias("Nodes")]
    Task<IReadOnlyList<string>> Nodes();

    /// <summary>All jobs that a caller may list, newest first. <paramref name="org"/> null: of all organisations.</summary>
    [AlwaysInterleave]
    [Alias("Jobs")]
    Task<JobIndexPage> Jobs(string? org, string? after, int limit);
}

public static class PoolKeys
{
    public const string Default = "default";
}

public sealed record QueuedJob(
    string JobId, string Org, string Queue, int Priority, bool Preemptible, int Workers, string Device, long MemoryBytes, long BaseBytes,
    string SessionKey, string? BaseDigest, double RemainingSeconds, DateTimeOffset SubmittedAt);

public sealed record NodeAvailability(string NodeId, IReadOnlyList<NodeSlot> Slots, bool Draining, bool Alive, DateTimeOffset LeaseUntil, IReadOnlyList<SessionStatus> Sessions);

public sealed record QueueView(string Name, int Waiting, int Running);

public sealed record JobIndexPage(IReadOnlyList<string> JobIds, string? Next);
