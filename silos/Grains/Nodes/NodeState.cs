using FineTuneGrid.Contracts.Nodes;

namespace FineTuneGrid.Grains.Nodes;

/// <summary>One node, durable. Its JSON member names are a stored format.</summary>
public sealed record NodeState
{
    public required NodeRegistration Registration { get; init; }

    /// <summary>Rises with every incarnation of the agent.</summary>
    public long Generation { get; init; }

    public bool Draining { get; init; }

    /// <summary>The agent said goodbye and has not come back.</summary>
    public bool Gone { get; init; }

    /// <summary>The number of the newest command.</summary>
    public long LastCommand { get; init; }

    /// <summary>Commands up to this number are with the machine.</summary>
    public long Acknowledged { get; init; }

    /// <summary>Commands after <see cref="Acknowledged"/>, in order.</summary>
    public IReadOnlyList<NodeCommand> Commands { get; init; } = [];

    /// <summary>Operation ids of the newest commands, so that one sent twice is queued once.</summary>
    public IReadOnlyList<string> Operations { get; init; } = [];

    /// <summary>The highest epoch of each job that was told to stop here, newest last: no start up to it may follow.</summary>
    public IReadOnlyList<SessionJob> Stops { get; init; } = [];
}
