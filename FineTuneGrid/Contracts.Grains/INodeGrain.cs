using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>
/// The control plane's side of one node: lease, durable commands, reports. Key: the node id. The only grain that a node agent's
/// signed token reaches.
/// </summary>
[Alias("ftg.INodeGrain")]
public interface INodeGrain : IGrainWithStringKey
{
    [Alias("Register")]
    Task<NodeWelcome> Register(NodeRegistration registration);

    /// <summary>Renews the lease and says what runs. Refused (<c>lease_lost</c>) for an incarnation that is not the latest.</summary>
    [Alias("Renew")]
    Task<NodeWelcome> Renew(string incarnation, IReadOnlyList<SessionStatus> sessions);

    /// <summary>Commands after <paramref name="after"/>; waits at most <paramref name="waitSeconds"/> (at most 10) for one.</summary>
    [AlwaysInterleave]
    [Alias("Poll")]
    Task<IReadOnlyList<NodeCommand>> Poll(string incarnation, long after, double waitSeconds);

    /// <summary>Durable once this returns: the agent may acknowledge the reports to its trainers.</summary>
    [Alias("Report")]
    Task Report(string incarnation, IReadOnlyList<NodeReport> reports);

    /// <summary>Queues a command; the same operation id twice is one command.</summary>
    [Alias("Send")]
    Task Send(NodeCommand command);

    /// <summary>Runs a task on the node and waits for its reply.</summary>
    [AlwaysInterleave]
    [Alias("Run")]
    [ResponseTimeout("00:05:00")]
    Task<TrainerTaskReply> Run(TrainerTask task);

    /// <summary>As <see cref="Run"/>, for a task that may take long: one that trains steps again, an export, or completions. Cancelling it ends it on the node.</summary>
    [AlwaysInterleave]
    [Alias("Verify")]
    [ResponseTimeout("01:00:00")]
    Task<TrainerTaskReply> Verify(TrainerTask task, CancellationToken cancellation);

    /// <summary>What the node's tasks have told, from its agent. Forgotten where nobody listens.</summary>
    [AlwaysInterleave]
    [Alias("Say")]
    Task Say(string incarnation, IReadOnlyList<TaskPieces> said);

    /// <summary>What a task that runs has told since the last call; waits at most <paramref name="waitSeconds"/> (at most 10) for something. One listener a task.</summary>
    [AlwaysInterleave]
    [Alias("Listen")]
    Task<IReadOnlyList<CompletionPiece>> Listen(string taskId, double waitSeconds);

    [Alias("Drain")]
    Task<NodeView> Drain(bool draining);

    [AlwaysInterleave]
    [Alias("Get")]
    Task<NodeView?> Get();

    [Alias("Goodbye")]
    Task Goodbye(string incarnation);
}
