using System.Globalization;

namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>What one seed led to.</summary>
/// <param name="Violation">The first invariant broken; null for none.</param>
/// <param name="TraceHash">Equal for equal seeds and guards, on every machine.</param>
public sealed record SimulationResult(ulong Seed, string? Violation, ulong TraceHash, long Events, long VirtualMs, long Steps, long Commits);

/// <summary>
/// Runs the whole protocol around the scheduler in virtual time: jobs with stale second activations, the pool and its journal,
/// nodes with leases and drifting clocks, trainers that step and commit, over a network and a store that lose, delay and repeat.
/// After a time of chaos the faults end, and then everything must end well.
/// </summary>
public static class Simulator
{
    private const long ChaosMs = 90_000;
    private const long SettleMs = 600_000;

    /// <param name="trace">Gets a line for each thing of note, to read how a seed came to its end.</param>
    public static SimulationResult Run(ulong seed, Guards guards = Guards.All, Action<string>? trace = null)
    {
        var world = new World(seed, guards, trace);
        Chaos.Plan(world, ChaosMs);
        world.Clock.Post(null, ChaosMs, () => Chaos.End(world));
        var deadline = ChaosMs + SettleMs;
        while (world.Monitor.Violation is null && world.Clock.Step())
        {
            if (world.Clock.Now <= ChaosMs)
                continue;
            if (world.Clock.Now > deadline)
            {
                world.Monitor.Fail(Settled(world) ?? "The simulation does not come to rest.");
                break;
            }
            if (Settled(world) is null)
            {
                CheckEnd(world);
                break;
            }
        }
        return new(seed, world.Monitor.Violation, world.Clock.Hash, world.Clock.Events, world.Clock.Now, world.Monitor.Steps, world.Monitor.Commits);
    }

    /// <summary>What is still to be done; null where every job has ended and nothing is held.</summary>
    private static string? Settled(World world)
    {
        for (var job = 0; job < world.Jobs; job++)
        {
            if (!world.Client.IsAccepted(job))
                return string.Create(CultureInfo.InvariantCulture, $"{world.JobIds[job]}: never accepted.");
            if (world.JobDocs[job].Value is not { Phase: SimPhase.Terminal } doc)
                return string.Create(CultureInfo.InvariantCulture, $"{world.JobIds[job]}: accepted, and still {world.JobDocs[job].Value?.Phase} at the end.");
        }
        if (world.Durable.Jobs.Count > 0)
            return $"The pool still has {world.Durable.Jobs.Keys.First()}.";
        if (world.Durable.Sessions.Count > 0)
            return $"The pool still has session {world.Durable.Sessions.Keys.First()}.";
        foreach (var machine in world.Machines)
            foreach (var run in machine.Runs)
                if (run.Live)
                    return $"{machine.Id} still runs {world.JobIds[run.Job]}, epoch {run.Epoch}.";
        return null;
    }

    private static void CheckEnd(World world)
    {
        foreach (var node in world.Durable.Nodes.Values)
            foreach (var slot in node.Slots)
                if (slot.Session is not null)
                    world.Monitor.Fail($"{node.Id}: a slot is still held by {slot.Session}.");
        for (var job = 0; job < world.Jobs; job++)
        {
            var doc = world.JobDocs[job].Value!;
            var head = world.Heads[job].Value?.Head ?? Head.None;
            var id = world.JobIds[job];
            if (doc.Outcome == SimOutcome.Succeeded && (world.Monitor.Published(job) != 1 || !head.Done || head.Step != world.TotalSteps[job]))
                world.Monitor.Fail($"{id}: succeeded with {world.Monitor.Published(job)} versions at step {head.Step} of {world.TotalSteps[job]}.");
            if (doc.Outcome != SimOutcome.Succeeded && world.Monitor.Published(job) != 0)
                world.Monitor.Fail($"{id}: ended as {doc.Outcome}, yet it was published.");
            if (doc.Outcome == SimOutcome.Failed && world.Poison[0] == 0)
                world.Monitor.Fail($"{id}: failed without a fault of its own.");
            if (doc.Outcome == SimOutcome.Succeeded && world.Poison[job] > 0)
                world.Monitor.Fail($"{id}: passed a step that always crashes.");
        }
    }
}
