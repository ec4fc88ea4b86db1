using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Nodes;

/// <summary>The durable part of a node, as pure functions.</summary>
public static class NodeRules
{
    public const int RememberedOperations = 1024;
    public const int RememberedStops = 1024;

    public static NodeState Register(NodeState? state, NodeRegistration registration)
    {
        if (state is null)
            return new NodeState { Registration = registration, Generation = 1 };
        if (state.Registration.Incarnation == registration.Incarnation)
            return state with { Registration = registration, Gone = false };
        return state with { Registration = registration, Generation = state.Generation + 1, Gone = false };
    }

    /// <exception cref="GridException">lease_lost: a newer agent has registered, or none.</exception>
    public static NodeState Require(NodeState? state, string node, string incarnation) =>
        state is not null && state.Registration.Incarnation == incarnation
            ? state
            : throw new GridException(ErrorCodes.LeaseLost, $"The node '{node}' is registered under another incarnation; register again.");

    /// <summary>What the end of a session means to the jobs that were in it. Only an end that nobody brought about is a crash.</summary>
    public static GridError EndOf(SessionEnded ended)
    {
        if (ended.Asked is { } asked)
            return asked;
        if (ended.ExitCode == TrainerProtocol.LeaseLostExitCode)
            return new GridError(ErrorCodes.LeaseLost, "The trainer stopped by itself: its node's lease ran out.");
        if (ended.ExitCode == TrainerProtocol.GangBrokenExitCode)
            return new GridError(ErrorCodes.GangBroken, "The trainer stopped by itself: it lost another worker of its gang.");
        if (ended.ExitCode == 0)
            return new GridError(ErrorCodes.Unavailable, "The trainer had left before it heard of the job.");
        var how = ended.Signal is { } signal ? $"was ended by {signal}" : ended.ExitCode is { } code ? $"ended with exit code {code}" : "is gone";
        var tail = ended.LogTail.Length > 0 ? $" Its last output: {ended.LogTail}" : "";
        return new GridError(ErrorCodes.TrainerCrashed, $"The trainer {how}.{tail}");
    }

    public static NodeState Send(NodeState? given, string node, NodeCommand command)
    {
        var state = given ?? throw new GridException(ErrorCodes.NotFound, $"There is no node '{node}'.");
        if (command.OperationId.Length > 0 && state.Operations.Contains(command.OperationId))
            return state;
        // The order to start was on its way when its run was stopped: nobody would ever stop it again.
        if (command is StartJob { Order: var order } && state.Stops.Any(s => s.JobId == order.JobId && s.Epoch >= order.Epoch))
            return state;
        var number = state.LastCommand + 1;
        return state with
        {
            LastCommand = number,
            Commands = [.. state.Commands, command with { Seq = number }],
            Operations = command.OperationId.Length == 0 ? state.Operations : [.. state.Operations.TakeLast(RememberedOperations - 1), command.OperationId],
            Stops = command is StopJob stop ? Remember(state.Stops, stop) : state.Stops,
        };
    }

    /// <summary>The machine has everything up to <paramref name="after"/>.</summary>
    public static NodeState Acknowledge(NodeState state, long after)
    {
        if (after <= state.Acknowledged)
            return state;
        if (after > state.LastCommand)
        {
            // The machine knows higher numbers than this state, which must have been lost: go on above them.
            var renumbered = state.Commands.Select((c, i) => c with { Seq = after + i + 1 }).ToArray();
            return state with { Acknowledged = after, LastCommand = after + renumbered.Length, Commands = renumbered };
        }
        return state with { Acknowledged = after, Commands = [.. state.Commands.Where(c => c.Seq > after)] };
    }

    private static IReadOnlyList<SessionJob> Remember(IReadOnlyList<SessionJob> stops, StopJob stop)
    {
        var epoch = Math.Max(stop.Epoch, stops.FirstOrDefault(s => s.JobId == stop.JobId)?.Epoch ?? 0);
        return [.. stops.Where(s => s.JobId != stop.JobId).TakeLast(RememberedStops - 1), new SessionJob(stop.JobId, epoch)];
    }
}
