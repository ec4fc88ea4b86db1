using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Contracts.Nodes;

/// <summary>One place where a trainer can run: a GPU, or the CPU.</summary>
public sealed record NodeSlot(int Index, string Device, long MemoryBytes, int Threads, string Hardware);

/// <summary>What an agent says of its machine when it registers.</summary>
/// <param name="Incarnation">New at every start of the agent.</param>
/// <param name="Sessions">Trainers that are alive on the machine, adopted from an earlier agent.</param>
/// <param name="Features">Of <see cref="NodeFeatures"/>: what its trainers can do.</param>
public sealed record NodeRegistration(
    string NodeId,
    string Incarnation,
    string Host,
    string Build,
    IReadOnlyList<NodeSlot> Slots,
    IReadOnlyList<SessionStatus> Sessions,
    IReadOnlyList<string>? Features = null);

/// <summary>What the trainers of a node can do beyond what all can.</summary>
public static class NodeFeatures
{
    /// <summary>Exchange gradients with other workers of their job.</summary>
    public const string Collectives = "collectives";
}

/// <param name="LeaseSeconds">How long the node may work without hearing from its grain.</param>
/// <param name="LastCommand">Commands up to this sequence number were already handed to this node's machine.</param>
public sealed record NodeWelcome(double LeaseSeconds, double RenewSeconds, long LastCommand);

/// <summary>A trainer process, as its agent sees it.</summary>
public sealed record SessionStatus(string SessionId, int Slot, bool Alive, int? ExitCode, string? BaseDigest, IReadOnlyList<SessionJob> Jobs);

public sealed record SessionJob(string JobId, int Epoch);

/// <summary>
/// A durable command of a NodeGrain to its agent: numbered, handed out again until acknowledged, and safe to receive twice.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(StartJob), "start_job")]
[JsonDerivedType(typeof(StopJob), "stop_job")]
[JsonDerivedType(typeof(StopSession), "stop_session")]
[JsonDerivedType(typeof(RunTask), "run_task")]
[JsonDerivedType(typeof(StopTask), "stop_task")]
public abstract record NodeCommand
{
    public long Seq { get; init; }

    public string OperationId { get; init; } = "";
}

/// <summary>Attach a job to a session, which is started where it does not run yet.</summary>
public sealed record StartJob(string SessionId, int Slot, TrainingOrder Order) : NodeCommand;

public sealed record StopJob(string SessionId, string JobId, int Epoch, bool Checkpoint, string Reason) : NodeCommand;

/// <summary>Shut a session down; <paramref name="Kill"/> does not wait for a checkpoint.</summary>
public sealed record StopSession(string SessionId, bool Kill, string Reason) : NodeCommand;

public sealed record RunTask(TrainerTask Task) : NodeCommand;

/// <summary>Nobody waits for the task any more.</summary>
public sealed record StopTask(string TaskId) : NodeCommand;

/// <summary>What an agent passes on. Delivered at least once, in order per session.</summary>
public sealed record NodeReport(string SessionId, TrainerReport? Report = null, SessionEnded? Ended = null, TrainerTaskReply? Task = null);

/// <summary>A trainer process is gone. <paramref name="LogTail"/>: the last lines of its output.</summary>
/// <param name="Asked">Why the agent ended it, or what it answers where there is none; null where it ended by itself.</param>
public sealed record SessionEnded(int? ExitCode, string? Signal, IReadOnlyList<SessionJob> Jobs, string LogTail, GridError? Asked = null);

/// <summary>A node as REST shows it.</summary>
public sealed record NodeView(
    string Id,
    string Host,
    string Status,
    bool Draining,
    IReadOnlyList<NodeSlot> Slots,
    IReadOnlyList<SessionStatus> Sessions,
    DateTimeOffset? LeaseUntil,
    string Build,
    IReadOnlyList<string>? Features = null);
