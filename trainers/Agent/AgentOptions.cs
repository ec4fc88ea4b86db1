using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Agent;

/// <summary>What a node agent is told by its host.</summary>
public sealed record AgentOptions
{
    /// <summary>The node's id: the key of its grain.</summary>
    public required string NodeId { get; init; }

    /// <summary>The node's own folder (<c>DATA/nodes/NODE</c>): sessions, tasks, the command cursor. Made with mode 0700.</summary>
    public required string Directory { get; init; }

    /// <summary>How trainers reach the blob store.</summary>
    public required BlobAccessIssuer Blobs { get; init; }

    /// <summary>Product build: part of a job's identity.</summary>
    public required string Build { get; init; }

    /// <summary>Trainers that run at once. Default: 1.</summary>
    public int Slots { get; init; } = 1;

    /// <summary><c>cpu</c> or <c>cuda</c>; with cuda, slot n is device <c>cuda:n</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Intra-op threads of a trainer. Default: all cores divided by the slots.</summary>
    public int? Threads { get; init; }

    /// <summary>Memory that one slot may plan with, in bytes. Default: the machine's memory divided by the slots.</summary>
    public long? SlotMemoryBytes { get; init; }

    /// <summary>
    /// Name or address by which trainers on other machines reach this machine's, where a job has workers on both. Default: loopback,
    /// which only trainers of the same machine reach.
    /// </summary>
    public string TrainerHost { get; init; } = GangMembership.Loopback;

    /// <summary>The trainer's program and its first arguments. Default: <c>FineTuneGrid.Trainer</c> beside the running program.</summary>
    public IReadOnlyList<string>? TrainerCommand { get; init; }

    /// <summary>A trainer stops this long before its lease ends. Part of what is sent to it.</summary>
    public TimeSpan LeaseMargin { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a started trainer may take until its socket answers.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long trainers may take to checkpoint when the node is told to stop; then they are killed.</summary>
    public TimeSpan StopLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often log lines are uploaded, at most.</summary>
    public TimeSpan LogInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A session without jobs ends after this long.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>A base model that stays in memory to answer questions leaves it after this long without one.</summary>
    public TimeSpan ResidentIdle { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How many of them there may be at once.</summary>
    public int MostResidents { get; init; } = 2;

    internal string SessionsDirectory => Path.Combine(Directory, "sessions");

    internal string TasksDirectory => Path.Combine(Directory, "tasks");

    internal string ResidentsDirectory => Path.Combine(Directory, "residents");

    internal string FeaturesFile => Path.Combine(Directory, "features.json");

    internal string CursorFile => Path.Combine(Directory, "commands.json");
}
